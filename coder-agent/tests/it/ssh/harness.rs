use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use coder_agent::ssh::{
    Blocked, Environment, HostKey, SshOptions, SshServer, User, WorkspaceEnvironment,
    WorkspaceSettings,
};
use coder_agent::ssh_client::{
    SessionRequest, SshClient, SshClientOptions, Streams, TerminalRequest, TerminalSize,
};
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Long enough for a loaded machine.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// A server with a home directory of its own.
pub(super) struct TestServer {
    pub(super) server: SshServer,
    pub(super) home: tempfile::TempDir,
    pub(super) shutdown: CancellationToken,
}

/// What a program wrote and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) status: i32,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Ran {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }
}

impl TestServer {
    pub(super) fn new() -> Self {
        Self::with_timeout(SshOptions::DEFAULT_MAX_TIMEOUT)
    }

    pub(super) fn with_timeout(max_timeout: Duration) -> Self {
        Self::with(max_timeout, Blocked::default())
    }

    pub(super) fn blocking(blocked: Blocked) -> Self {
        Self::with(SshOptions::DEFAULT_MAX_TIMEOUT, blocked)
    }

    fn with(max_timeout: Duration, blocked: Blocked) -> Self {
        let home = tempfile::tempdir().unwrap();
        let server = SshServer::new(SshOptions {
            host_key: HostKey::derive(b"test", "alice", "dev", "main"),
            user: user(home.path()),
            process_environment: Environment::from([(
                "PATH".into(),
                std::env::var_os("PATH").unwrap(),
            )]),
            max_timeout,
            blocked,
        });
        server.update(WorkspaceSettings {
            environment: WorkspaceEnvironment {
                workspace_name: "dev".into(),
                agent_name: "main".into(),
                owner_name: "alice".into(),
                environment_variables: BTreeMap::from([("FROM_TEMPLATE".into(), "$HOME/x".into())]),
                ..WorkspaceEnvironment::default()
            },
            ..WorkspaceSettings::default()
        });
        Self {
            server,
            home,
            shutdown: CancellationToken::new(),
        }
    }

    /// A stream that the server serves, and its result.
    pub(super) fn stream(&self) -> (DuplexStream, JoinHandle<coder_agent::Result<()>>) {
        let (near, far) = tokio::io::duplex(256 * 1024);
        let (server, shutdown) = (self.server.clone(), self.shutdown.clone());
        (
            near,
            tokio::spawn(async move { server.serve(far, shutdown).await }),
        )
    }

    pub(super) async fn client(&self) -> SshClient {
        let (stream, _) = self.stream();
        SshClient::connect(stream, SshClientOptions::default())
            .await
            .unwrap()
    }

    /// The library's own client, for what ours does not do.
    pub(super) async fn raw_client(&self) -> russh::client::Handle<AnyKey> {
        let (stream, _) = self.stream();
        let config = std::sync::Arc::new(russh::client::Config::default());
        let mut client = russh::client::connect_stream(config, stream, AnyKey)
            .await
            .unwrap();
        assert!(client.authenticate_none("alice").await.unwrap().success());
        client
    }

    /// Serves TCP connections for real clients.
    pub(super) async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server, shutdown) = (self.server.clone(), self.shutdown.clone());
        tokio::spawn(async move {
            while let Some(Ok((stream, _))) = shutdown.run_until_cancelled(listener.accept()).await
            {
                stream.set_nodelay(true).unwrap();
                let (server, shutdown) = (server.clone(), shutdown.clone());
                tokio::spawn(async move { server.serve(stream, shutdown).await });
            }
        });
        address
    }

    /// Waits until no channel and no process is left.
    pub(super) async fn idle(&self) {
        eventually("no task is left", || self.server.task_count() == 0).await;
    }
}

pub(super) struct AnyKey;

impl russh::client::Handler for AnyKey {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _key: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

pub(super) fn user(home: &Path) -> User {
    User {
        name: "alice".into(),
        home: home.to_owned(),
        shell: "/bin/bash".into(),
    }
}

pub(super) fn command(text: &str) -> SessionRequest {
    SessionRequest {
        command: Some(text.to_owned()),
        ..SessionRequest::default()
    }
}

pub(super) fn in_terminal(text: &str, columns: u16, rows: u16) -> SessionRequest {
    SessionRequest {
        terminal: Some(TerminalRequest {
            term: "xterm".into(),
            size: TerminalSize { columns, rows },
        }),
        ..command(text)
    }
}

/// Runs a program to its end.
pub(super) async fn run(client: &SshClient, request: SessionRequest, stdin: &[u8]) -> Ran {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (_sizes, size) = watch::channel(TerminalSize::default());
    let streams = Streams {
        stdin,
        stdout: &mut stdout,
        stderr: &mut stderr,
    };
    let status = tokio::time::timeout(DEADLINE, client.run(request, streams, size)).await;
    Ran {
        status: status.expect("the program ends").unwrap(),
        stdout,
        stderr,
    }
}

/// Polls until something is so.
pub(super) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Whether a process is there and not only waiting to be reaped.
pub(super) fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap().starts_with('Z'))
}

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use coder_agent::reconnecting_pty::{ReconnectingPty, ReconnectingPtyInit, ReconnectingPtyServer};
use coder_agent::ssh::{
    Blocked, Environment, HostKey, SshOptions, SshServer, User, WorkspaceEnvironment,
    WorkspaceSettings,
};
use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{soon, until};

/// The terminals of a workspace with a home directory of its own.
pub(super) struct Scene {
    pub(super) server: ReconnectingPtyServer,
    pub(super) ssh: SshServer,
    pub(super) home: tempfile::TempDir,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::with_idle_timeout(Duration::from_secs(300))
    }

    pub(super) fn with_idle_timeout(idle: Duration) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let ssh = SshServer::new(SshOptions {
            host_key: HostKey::derive(b"test", "alice", "dev", "main"),
            user: User {
                name: "alice".into(),
                home: home.path().to_owned(),
                shell: "/bin/sh".into(),
            },
            process_environment: Environment::from([("PATH".into(), path)]),
            max_timeout: SshOptions::DEFAULT_MAX_TIMEOUT,
            blocked: Blocked::default(),
        });
        ssh.update(WorkspaceSettings {
            environment: WorkspaceEnvironment {
                workspace_name: "dev".into(),
                ..WorkspaceEnvironment::default()
            },
            ..WorkspaceSettings::default()
        });
        Self {
            server: ReconnectingPtyServer::with_idle_timeout(ssh.clone(), idle),
            ssh,
            home,
        }
    }

    /// A stream that is served.
    pub(super) fn stream(&self, buffer: usize) -> DuplexStream {
        let (near, far) = duplex(buffer);
        let server = self.server.clone();
        tokio::spawn(async move { server.serve(far, CancellationToken::new()).await });
        near
    }

    pub(super) async fn attach(&self, init: &ReconnectingPtyInit) -> Viewer {
        let stream = self.stream(64 * 1024);
        let pty = ReconnectingPty::attach(stream, init).await.unwrap();
        Viewer {
            pty,
            seen: String::new(),
        }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    pub(super) async fn no_terminals(&self) {
        until("no terminal is left", || self.server.terminal_count() == 0).await;
    }
}

/// A client and what it was shown.
pub(super) struct Viewer {
    pub(super) pty: ReconnectingPty,
    pub(super) seen: String,
}

impl Viewer {
    /// Reads until a text was shown, which must have no bytes that are not UTF-8 before it.
    pub(super) async fn until(&mut self, text: &str) {
        let mut buffer = [0; 4096];
        while !self.seen.contains(text) {
            let read = soon(self.pty.read(&mut buffer)).await.unwrap();
            assert!(read > 0, "ended without {text:?} but with {:?}", self.seen);
            self.seen
                .push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    }

    /// Reads until the terminal ends.
    pub(super) async fn end(&mut self) -> &str {
        let mut rest = Vec::new();
        soon(self.pty.read_to_end(&mut rest)).await.unwrap();
        self.seen.push_str(&String::from_utf8_lossy(&rest));
        &self.seen
    }

    pub(super) async fn types(&mut self, text: &str) {
        self.pty.send(text.as_bytes()).await.unwrap();
    }
}

/// A terminal that nobody else has.
pub(super) fn terminal(command: &str) -> ReconnectingPtyInit {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    ReconnectingPtyInit {
        id: Uuid::from_u64_pair(u64::from(std::process::id()), number),
        height: 24,
        width: 80,
        command: command.into(),
        ..ReconnectingPtyInit::default()
    }
}

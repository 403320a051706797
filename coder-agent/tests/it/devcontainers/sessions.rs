//! SSH sessions inside of containers.

use std::path::Path;

use coder_agent::ssh::{
    Blocked, HostKey, SshOptions, SshServer, WorkspaceEnvironment, WorkspaceSettings,
};
use coder_agent::ssh_client::{
    SessionRequest, SshClient, SshClientOptions, Streams, TerminalRequest, TerminalSize,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::fakes::Fakes;
use super::*;
use crate::support::soon;

/// A session's exit code and output.
pub(super) async fn session(
    environment: &Environment,
    home: &Path,
    variables: &[(&str, &str)],
    command: Option<&str>,
    terminal: bool,
    input: &[u8],
) -> (i32, String) {
    let server = SshServer::new(SshOptions {
        host_key: HostKey::derive(b"test", "alice", "dev", "main"),
        user: User {
            name: "alice".into(),
            home: home.to_owned(),
            shell: "/bin/sh".into(),
        },
        process_environment: environment.clone(),
        ..ssh_options()
    });
    server.update(WorkspaceSettings {
        environment: WorkspaceEnvironment {
            workspace_name: "dev".into(),
            ..WorkspaceEnvironment::default()
        },
        ..WorkspaceSettings::default()
    });
    let (near, far) = tokio::io::duplex(256 * 1024);
    tokio::spawn(async move { server.serve(far, CancellationToken::new()).await });
    let client = SshClient::connect(near, SshClientOptions::default())
        .await
        .unwrap();
    let request = SessionRequest {
        command: command.map(str::to_owned),
        environment: variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        terminal: terminal.then(|| TerminalRequest {
            term: "xterm".into(),
            size: TerminalSize {
                columns: 80,
                rows: 24,
            },
        }),
        ..SessionRequest::default()
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (_sizes, size) = watch::channel(TerminalSize::default());
    let streams = Streams {
        stdin: input,
        stdout: &mut stdout,
        stderr: &mut stderr,
    };
    let status = soon(client.run(request, streams, size)).await.unwrap();
    let text = [stdout, stderr].concat();
    (status, String::from_utf8_lossy(&text).into_owned())
}

fn ssh_options() -> SshOptions {
    SshOptions {
        host_key: HostKey::derive(b"test", "alice", "dev", "main"),
        user: User {
            name: "alice".into(),
            home: "/".into(),
            shell: "/bin/sh".into(),
        },
        process_environment: Environment::new(),
        max_timeout: SshOptions::DEFAULT_MAX_TIMEOUT,
        blocked: Blocked::default(),
    }
}

#[tokio::test]
async fn a_variable_directs_a_session_into_a_container() {
    let fakes = Fakes::new(&[("one", "{}")]);
    let running = Running::new(
        fakes.environment(),
        fakes.home.path(),
        vec![project(1, "one", None)],
        |_| {},
    );
    assert!(running.start().await);
    let (environment, home) = (fakes.environment(), fakes.home.path());
    let into = [
        ("CODER_CONTAINER", "id-one"),
        ("CODER_CONTAINER_USER", "ann"),
        ("GREETING", "a b; c"),
    ];
    let text = "echo $FAKE_CONTAINER $FAKE_USER \"$GREETING\"; cat; exit 3";
    let (status, output) = session(&environment, home, &into, Some(text), false, b"input\n").await;
    assert_eq!((status, output.as_str()), (3, "id-one ann a b; c\ninput\n"));
    let calls = std::fs::read_to_string(fakes.at("calls")).unwrap();
    assert!(
        calls.contains("exec --interactive --user ann --env GREETING id-one sh -c"),
        "{calls}"
    );

    let (status, output) = session(
        &environment,
        home,
        &into[..1],
        None,
        true,
        b"tty; echo $TERM; exit 4\n",
    )
    .await;
    assert_eq!(status, 4, "{output}");
    assert!(
        output.contains("/dev/pts/") && output.contains("xterm"),
        "{output}"
    );

    let outside = session(
        &environment,
        home,
        &[],
        Some("echo [$FAKE_CONTAINER]"),
        false,
        b"",
    )
    .await;
    assert_eq!(outside, (0, "[]\n".to_owned()));
    let gone = [("CODER_CONTAINER", "id-other")];
    let (status, output) = session(&environment, home, &gone, Some("true"), false, b"").await;
    assert_eq!(status, 1, "{output}");
    assert!(output.contains("No such container"), "{output}");
    let hostile = [("CODER_CONTAINER", "--privileged")];
    let (status, output) = session(&environment, home, &hostile, Some("true"), false, b"").await;
    assert_ne!(status, 0);
    assert!(
        output.contains("CODER_CONTAINER is not the name"),
        "{output}"
    );
}

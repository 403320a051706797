//! What the server is told of who uses a workspace.

use std::collections::BTreeMap;

use coder_agent::ssh_client::{SessionRequest, SshClient, SshClientOptions, Streams, TerminalSize};
use coder_agent::tunnel::port;
use tokio::sync::watch;

use crate::agent::Running;
use crate::support::{manifest, soon, until};

#[tokio::test]
async fn a_client_is_counted_as_what_it_says_it_is() {
    let running = Running::start(manifest()).await;
    let tunnel = running.server.tunnel().await;
    let counts = || {
        let stats = running.server.api().recorded().stats;
        stats.last().map(|stats| {
            (
                stats.session_count_ssh,
                stats.session_count_vscode,
                stats.connection_count,
            )
        })
    };
    let mut clients = Vec::new();
    for (session_type, expected) in [("", (1, 0, 1)), ("vscode", (1, 1, 2)), ("zed", (2, 1, 3))] {
        let stream = tunnel.open(port::SSH).await.unwrap();
        let client = SshClient::connect(stream, SshClientOptions::default())
            .await
            .unwrap();
        let variable = ("CODER_SSH_SESSION_TYPE".to_owned(), session_type.to_owned());
        let request = SessionRequest {
            command: Some("true".to_owned()),
            environment: BTreeMap::from([variable]),
            ..SessionRequest::default()
        };
        let (_sizes, size) = watch::channel(TerminalSize::default());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let streams = Streams {
            stdin: &b""[..],
            stdout: &mut stdout,
            stderr: &mut stderr,
        };
        let status = soon(client.run(request, streams, size)).await.unwrap();
        assert_eq!(status, 0);
        until(session_type, || counts() == Some(expected)).await;
        clients.push(client);
    }
    drop(clients);
    until("all have gone", || counts() == Some((0, 0, 0))).await;
    running.stop().await;
}

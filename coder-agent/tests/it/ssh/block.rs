//! What an administrator may forbid.

use coder_agent::ssh::Blocked;

use super::harness::{TestServer, command, run};
use super::tools::{echo_socket, is_installed, options, output, program, ssh};

#[tokio::test]
async fn files_are_not_transferred() {
    if !is_installed(&["ssh", "sftp", "scp"]) {
        return;
    }
    let server = TestServer::blocking(Blocked {
        file_transfer: true,
        ..Blocked::default()
    });
    let address = server.listen().await;
    std::fs::write(server.home.path().join("file"), "x").unwrap();
    for text in [
        "scp -f file",
        "/usr/bin/rsync --server",
        "A=b nc x 1",
        "sftp",
    ] {
        let ran = output(ssh(address, &[], text)).await;
        assert_eq!(ran.status.code(), Some(65), "{text}");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(said.contains("disabled"), "{text}: {said}");
    }
    let local = tempfile::tempdir().unwrap();
    for arguments in [&["-O"][..], &[]] {
        let mut scp = program("scp");
        scp.args(options(address))
            .args(arguments)
            .arg("alice@127.0.0.1:file")
            .arg(local.path());
        let ran = output(scp).await;
        assert!(!ran.status.success());
        assert!(String::from_utf8_lossy(&ran.stderr).contains("disabled"));
    }
    assert_eq!(local.path().read_dir().unwrap().count(), 0);
    // Everything else works.
    let client = server.client().await;
    assert_eq!(run(&client, command("echo scp"), b"").await.text(), "scp\n");
    drop(client);
    server.idle().await;
}

#[tokio::test]
async fn ports_are_not_forwarded() {
    let server = TestServer::blocking(Blocked {
        reverse_port_forwarding: true,
        local_port_forwarding: true,
        ..Blocked::default()
    });
    let client = server.raw_client().await;
    let target = super::tools::echo_server().await;
    let socket = server.home.path().join("echo.sock");
    echo_socket(&socket);
    let refusals = [
        client
            .channel_open_direct_tcpip("127.0.0.1", u32::from(target), "127.0.0.1", 1)
            .await
            .err(),
        client
            .channel_open_direct_streamlocal(socket.to_str().unwrap())
            .await
            .err(),
    ];
    for refusal in refusals {
        let error = refusal.expect("it is refused").to_string();
        assert!(error.contains("AdministrativelyProhibited"), "{error}");
    }
    assert!(client.tcpip_forward("localhost", 0).await.is_err());
    assert!(client.streamlocal_forward("r.sock").await.is_err());
    assert!(!server.home.path().join("r.sock").exists());
    // Sessions are not concerned, and nor are agents.
    let channel = client.channel_open_session().await.unwrap();
    channel.agent_forward(true).await.unwrap();
    channel.exec(true, "true").await.unwrap();
    drop((channel, client));
    server.idle().await;
}

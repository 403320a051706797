//! The client's SSH agent in the workspace (`ssh -A`).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::harness::{TestServer, eventually};
use super::tools::{is_installed, output, program, ssh, succeed};

/// An agent of OpenSSH with one key, and its socket.
async fn agent(folder: &Path) -> (tokio::process::Child, std::path::PathBuf) {
    let (socket, key) = (folder.join("agent.sock"), folder.join("key"));
    let agent = program("ssh-agent")
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    eventually("the agent listens", || socket.exists()).await;
    let mut keygen = program("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "forwarded-key", "-f"]);
    succeed({
        keygen.arg(&key);
        keygen
    })
    .await;
    let mut add = program("ssh-add");
    add.arg("-q").arg(&key).env("SSH_AUTH_SOCK", &socket);
    succeed(add).await;
    (agent, socket)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_reach_the_agent() {
    if !is_installed(&["ssh", "ssh-agent", "ssh-add", "ssh-keygen"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let local = tempfile::tempdir().unwrap();
    let (mut agent, socket) = agent(local.path()).await;
    let run = |more: &[&str], text: &str| {
        let mut ssh = ssh(address, more, text);
        ssh.env("SSH_AUTH_SOCK", &socket);
        output(ssh)
    };
    // The key is listed, and signs.
    let script = "ssh-add -l; echo $SSH_AUTH_SOCK; stat -c '%a' $SSH_AUTH_SOCK $(dirname $SSH_AUTH_SOCK); \
        ssh-add -L > key.pub; echo text | ssh-keygen -q -Y sign -n test -f key.pub";
    let ran = run(&["-A"], script).await;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{ran:?}");
    assert!(said.contains("forwarded-key"), "{said}");
    assert!(said.contains("600\n700\n"), "{said}");
    assert!(said.contains("BEGIN SSH SIGNATURE"), "{said}");
    // Nothing is left of it, and nothing is there unless it is asked for.
    let path = said.lines().nth(1).unwrap().to_owned();
    eventually("the socket is removed", || {
        !Path::new(&path).parent().unwrap().exists()
    })
    .await;
    let ran = run(&[], "echo \"[$SSH_AUTH_SOCK]\"").await;
    assert_eq!(ran.stdout, b"[]\n");
    server.idle().await;
    agent.kill().await.unwrap();
}

#[tokio::test]
async fn sessions_of_a_connection_share_the_socket() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let mut paths = Vec::new();
    for _ in 0..3 {
        let mut channel = client.channel_open_session().await.unwrap();
        channel.agent_forward(true).await.unwrap();
        channel.exec(true, "echo $SSH_AUTH_SOCK").await.unwrap();
        let mut said = Vec::new();
        while let Some(message) = channel.wait().await {
            match message {
                russh::ChannelMsg::Data { data } => said.extend_from_slice(&data),
                russh::ChannelMsg::Failure => panic!("refused"),
                _ => {}
            }
        }
        paths.push(String::from_utf8(said).unwrap());
    }
    assert!(paths[0].contains("/ssh-"));
    assert!(paths.iter().all(|path| *path == paths[0]));
    let socket = Path::new(paths[0].trim());
    let mode = socket
        .parent()
        .unwrap()
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    drop(client);
    server.idle().await;
    assert!(!socket.exists());
}

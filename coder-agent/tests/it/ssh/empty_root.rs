//! The static binary that the server hands out, where there is nothing but it: with an empty root, as the first
//! process, and as a user that nobody knows.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coder_agent::AgentConn;
use coder_agent::protocol::LifecycleState;
use coder_agent::ssh_client::{SessionRequest, SshClient, SshClientOptions};
use coder_agent::testing::FakeAgentApi;
use coder_agent::tunnel::port;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::harness::{command, eventually, in_terminal, run};
use super::tools::{
    check_echo, checksum, echo_server, find, is_installed, options, output, program, random_file,
};
use crate::support::{TOKEN, TestServer, manifest, soon, until};

/// What `make agent` builds.
const BINARY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../coder-server/binaries/coder-linux-amd64"
);

/// No `/etc/passwd` has it.
const UID: u32 = 54_321;

/// Whether we can make such a place; says why not.
fn can_be_made() -> bool {
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let missing = if !Path::new(BINARY).exists() {
        "there is no static agent (make agent)"
    } else if !root {
        "only root can change the root directory"
    } else if !Command::new("unshare")
        .args(["--pid", "--mount", "--fork", "true"])
        .as_std_mut()
        .output()
        .is_ok_and(|output| output.status.success())
    {
        "unshare does not work here"
    } else {
        return true;
    };
    println!("skipped: {missing}");
    false
}

/// Devices that each engine of containers brings.
const DEVICES: [&str; 3] = ["null", "random", "urandom"];

/// Puts them into the new root and goes on as the rest of the words.
const ENTER: &str = "for device in null random urandom; do \
    mount --bind /dev/$device \"$0/dev/$device\" || exit; done; exec chroot \"$@\"";

struct Place {
    root: tempfile::TempDir,
    server: TestServer,
    unshare: Child,
}

impl Place {
    /// `furnish` puts more into the root than the binary, devices and a folder for files.
    async fn start(furnish: impl FnOnce(&Path)) -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        std::fs::copy(BINARY, at("coder")).unwrap();
        std::fs::create_dir(at("tmp")).unwrap();
        std::fs::create_dir(at("dev")).unwrap();
        for device in DEVICES {
            std::fs::write(at("dev").join(device), "").unwrap();
        }
        for (path, mode) in [("", 0o755), ("coder", 0o755), ("tmp", 0o1777)] {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(at(path), mode).unwrap();
        }
        furnish(root.path());
        let mut server = TestServer::start(FakeAgentApi::new(manifest())).await;
        // Here, `localhost` is a name that nothing explains.
        server.url.set_host(Some("127.0.0.1")).unwrap();
        let mut unshare = Command::new("unshare");
        unshare
            .args(["--pid", "--mount", "--fork", "sh", "-c", ENTER])
            .arg(root.path())
            .args([&format!("--userspec={UID}:{UID}"), "--groups="])
            .arg(root.path())
            .args(["/coder", "agent"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("CODER_AGENT_URL", server.url.as_str())
            .env("CODER_AGENT_TOKEN", TOKEN)
            .env("HOME", "/tmp")
            .kill_on_drop(true);
        let unshare = unshare.spawn().unwrap();
        let place = Self {
            root,
            server,
            unshare,
        };
        let api = place.server.api();
        until("ready", || api.states().contains(&LifecycleState::Ready)).await;
        place.server.tunnel().await;
        place
    }

    fn file(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn conn(&self) -> AgentConn {
        AgentConn::new(&self.server.url, TOKEN).unwrap()
    }

    async fn client(&self) -> SshClient {
        let stream = self.conn().dial(manifest().agent_id, port::SSH).await;
        soon(SshClient::connect(
            stream.unwrap(),
            SshClientOptions::default(),
        ))
        .await
        .unwrap()
    }

    /// Where real clients reach the SSH server.
    async fn listen(&self) -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let conn = Arc::new(self.conn());
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let conn = Arc::clone(&conn);
                tokio::spawn(async move {
                    let mut far = conn.dial(manifest().agent_id, port::SSH).await.unwrap();
                    tokio::io::copy_bidirectional(&mut near, &mut far).await
                });
            }
        });
        address
    }

    /// Signals the first process.
    fn signal(&self, signal: &str) {
        let unshare = self.unshare.id().unwrap_or_default();
        let children = format!("/proc/{unshare}/task/{unshare}/children");
        if let Ok(first) = std::fs::read_to_string(children) {
            let kill = std::process::Command::new("kill")
                .args([signal, first.trim()])
                .status();
            assert!(kill.unwrap().success());
        }
    }

    /// Ends it as a container's engine does.
    async fn stop(mut self) {
        self.signal("-TERM");
        assert!(soon(self.unshare.wait()).await.unwrap().success());
        let states = self.server.api().states();
        assert_eq!(states.last(), Some(&LifecycleState::Off));
    }
}

impl Drop for Place {
    /// Who became another user does not end with its parent.
    fn drop(&mut self) {
        self.signal("-KILL");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_shell_it_says_so() {
    if !can_be_made() {
        return;
    }
    let place = Place::start(|_| ()).await;
    let client = place.client().await;
    let missing =
        "/bin/sh: No such file or directory (os error 2); add it to the image of the workspace";
    for (request, expected) in [
        (command("true"), missing),
        (SessionRequest::default(), missing),
        // There is no `/dev/ptmx`.
        (in_terminal("true", 80, 24), "no terminal can be opened: "),
    ] {
        let ran = run(&client, request, b"").await;
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status, 229);
        let expected = format!("coder: the program could not be started: {expected}");
        assert!(said.starts_with(&expected), "{said}");
    }
    client.disconnect().await;
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_to_and_fro() {
    if !can_be_made() || !is_installed(&["sftp"]) {
        return;
    }
    let place = Place::start(|_| ()).await;
    let address = place.listen().await;
    let local = tempfile::tempdir().unwrap();
    let file = local.path().join("file");
    random_file(&file, 10_000_000).await;
    let batch = "put file there\nget there back\nls -l /\n-put file /refused\nmkdir dir\n";
    std::fs::write(local.path().join("batch"), batch).unwrap();
    let mut sftp = program("sftp");
    sftp.args(options(address))
        .args(["-b", "batch", "alice@127.0.0.1"])
        .current_dir(local.path());
    let ran = output(sftp).await;
    let said = String::from_utf8_lossy(&ran.stdout);
    let failed = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}{failed}");
    assert!(said.contains(" coder\n"), "{said}");
    assert!(failed.contains("/refused"), "{failed}");
    let there = place.file("tmp/there");
    for copy in [&there, &local.path().join("back")] {
        assert_eq!(checksum(copy), checksum(&file));
    }
    assert_eq!(there.metadata().unwrap().uid(), UID);
    assert!(!place.file("refused").exists());
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_are_forwarded() {
    if !can_be_made() {
        return;
    }
    let place = Place::start(|_| ()).await;
    let echo = echo_server().await;
    // As `coder port-forward` does.
    let agent = manifest().agent_id;
    check_echo(place.conn().dial(agent, echo).await.unwrap(), 1_000_000).await;
    // As `ssh -L` does.
    let client = place.client().await;
    for host in ["127.0.0.1", "localhost"] {
        check_echo(client.dial(host, echo).await.unwrap(), 1_000_000).await;
    }
    // As `ssh -R` does.
    let mut listener = client.listen("localhost", 0).await.unwrap();
    let near = listener.port();
    let task = tokio::spawn(async move { listener.forward_to(("127.0.0.1", echo)).await });
    let stream = TcpStream::connect(("127.0.0.1", near)).await.unwrap();
    check_echo(stream, 1_000_000).await;
    let _unix = client.listen_unix("r.sock").await.unwrap();
    eventually("a socket", || place.file("tmp/r.sock").exists()).await;
    client.disconnect().await;
    task.await.unwrap();
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_shell_commands_run() {
    if !can_be_made() || !is_installed(&["busybox"]) {
        return;
    }
    let place = Place::start(|root| {
        std::fs::create_dir(root.join("bin")).unwrap();
        std::fs::copy(find("busybox").unwrap(), root.join("bin/busybox")).unwrap();
        symlink("busybox", root.join("bin/sh")).unwrap();
    })
    .await;
    let client = place.client().await;
    let text =
        "read line; echo \"$line $HOME $PWD $CODER_WORKSPACE_NAME\"; /bin/busybox id -u; exit 7";
    let ran = run(&client, command(text), b"hello\n").await;
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(
        ran.text(),
        format!("hello /tmp /tmp dev\n{UID}\n"),
        "{said}"
    );
    assert_eq!(ran.status, 7);
    client.disconnect().await;
    place.stop().await;
}

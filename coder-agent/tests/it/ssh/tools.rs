//! The real clients.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};

use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::harness::DEADLINE;

/// Where servers and their helpers are, which users do not have on their path.
const MORE_FOLDERS: &[&str] = &["/usr/sbin", "/sbin", "/usr/lib/openssh"];

/// Whether all the programs are there; says which is not.
pub(super) fn is_installed(programs: &[&str]) -> bool {
    for program in programs {
        if find(program).is_none() {
            println!("skipped: {program} is not installed (scripts/deps.sh --tests installs it)");
            return false;
        }
    }
    true
}

/// Where a program is.
pub(super) fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE_FOLDERS.iter().map(Into::into))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Options that keep the user's own settings out.
pub(super) fn options(address: SocketAddr) -> Vec<String> {
    [
        "-F",
        "/dev/null",
        "-oStrictHostKeyChecking=no",
        "-oUserKnownHostsFile=/dev/null",
        "-oLogLevel=ERROR",
        "-oBatchMode=yes",
        &format!("-oPort={}", address.port()),
    ]
    .map(str::to_owned)
    .to_vec()
}

pub(super) fn arguments(address: SocketAddr, more: &[&str]) -> Vec<String> {
    let more = more.iter().chain(&["alice@127.0.0.1"]);
    options(address)
        .into_iter()
        .chain(more.map(|argument| (*argument).to_owned()))
        .collect()
}

pub(super) fn ssh(address: SocketAddr, more: &[&str], command: &str) -> Command {
    let mut ssh = program("ssh");
    ssh.args(arguments(address, more)).arg(command);
    ssh
}

/// A program that gets no input and does not outlive its test.
pub(super) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub(super) async fn output(mut command: Command) -> Output {
    timeout(DEADLINE, command.output())
        .await
        .expect("the program ends")
        .unwrap()
}

/// Runs a program that has to succeed, and gives what it wrote.
pub(super) async fn succeed(command: Command) -> String {
    let ran = output(command).await;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        ran.status.success(),
        "{}: {}{}",
        ran.status,
        text(&ran.stdout),
        text(&ran.stderr)
    );
    text(&ran.stdout)
}

/// Fills a file with bytes that nobody can guess or compress.
pub(super) async fn random_file(file: &Path, size: usize) {
    let mut shell = program("sh");
    shell
        .args(["-c", "head -c \"$1\" /dev/urandom > \"$0\""])
        .arg(file)
        .arg(size.to_string());
    succeed(shell).await;
}

pub(super) fn checksum(file: &Path) -> String {
    let digest = Sha256::digest(std::fs::read(file).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A client with forwards and nothing else, from when they are there.
pub(super) struct Forwarder {
    child: tokio::process::Child,
    said: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Forwarder {
    /// Starts `ssh -N` and waits until it says that it is ready. It speaks of the ports that it was
    /// given, so those are asked of [`said`](Self::said).
    pub(super) async fn start(address: SocketAddr, forwards: &[&str]) -> Self {
        let mut ssh = program("ssh");
        ssh.args(options(address))
            .args(["-v", "-oExitOnForwardFailure=yes", "-N"])
            .args(forwards)
            .arg("alice@127.0.0.1")
            .stderr(Stdio::piped());
        let mut child = ssh.spawn().unwrap();
        let said = std::sync::Arc::<std::sync::Mutex<String>>::default();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::sync::Arc::clone(&said);
        tokio::spawn(async move {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut bytes).await {
                let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
                log.lock().unwrap().push_str(&text);
            }
        });
        let forwarder = Self { child, said };
        forwarder.until("Entering interactive session").await;
        let remote = forwards
            .iter()
            .filter(|argument| argument.starts_with("-R"))
            .count();
        if remote > 0 {
            forwarder
                .until("all expected forwarding replies received")
                .await;
        }
        forwarder
    }

    pub(super) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub(super) async fn until(&self, text: &str) {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        while !self.said().contains(text) {
            assert!(tokio::time::Instant::now() < deadline, "{}", self.said());
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    pub(super) async fn stop(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// A port that nobody listens on.
pub(super) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Serves streams that send everything back, until the runtime ends.
pub(super) async fn echo_server() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                tokio::io::copy(&mut reader, &mut writer).await
            });
        }
    });
    port
}

/// The same on a Unix socket.
pub(super) fn echo_socket(path: &Path) {
    let listener = tokio::net::UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                tokio::io::copy(&mut reader, &mut writer).await
            });
        }
    });
}

/// Sends bytes to an echo in both directions at once, and checks the half-close.
pub(super) async fn check_echo(mut stream: impl AsyncRead + AsyncWrite + Unpin, size: usize) {
    let sent: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
    let check = async {
        let mut received = vec![0; size];
        {
            let (mut reader, mut writer) = tokio::io::split(&mut stream);
            let (wrote, read) =
                tokio::join!(writer.write_all(&sent), reader.read_exact(&mut received));
            wrote.unwrap();
            read.unwrap();
        }
        assert!(received == sent);
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    };
    timeout(DEADLINE, check).await.expect("the echo arrives");
}

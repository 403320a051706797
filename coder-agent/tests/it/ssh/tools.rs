//! The real clients.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};

use sha2::{Digest, Sha256};
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

//! When the provider ends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::harness::{TLS, Terraform, available, text};

const BINARY: &str = env!("CARGO_BIN_EXE_terraform-provider-coder");
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn nobody_but_terraform_starts_it() {
    let output = Command::new(BINARY)
        .env_remove("TF_PLUGIN_MAGIC_COOKIE")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    assert!(
        text(&output).contains("plugin of Terraform"),
        "{}",
        text(&output)
    );
}

#[test]
fn another_protocol_or_certificate_is_refused() {
    for (variable, value) in [
        ("PLUGIN_PROTOCOL_VERSIONS", "4,5"),
        ("PLUGIN_CLIENT_CERT", "no certificate"),
    ] {
        let output = Command::new(BINARY)
            .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
            .env(variable, value)
            .output()
            .unwrap();
        assert!(!output.status.success(), "{variable}");
        assert!(output.stdout.is_empty(), "{variable}");
    }
}

/// The provider without Terraform, and the socket that it names.
fn started(temporary: &Path) -> (Child, String) {
    let mut child = Command::new(BINARY)
        .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
        .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
        .env("TMPDIR", temporary)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let fields: Vec<_> = line.trim_end().split('|').collect();
    assert_eq!(
        (&fields[..3], &fields[4..]),
        (&["1", "6", "unix"][..], &["grpc", ""][..])
    );
    let socket = fields[3].to_owned();
    (child, socket)
}

/// Waits until the process has ended by itself.
fn ends(mut child: Child) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

#[test]
fn it_ends_with_the_connection_and_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    for sent in [
        &b""[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 9],
    ] {
        let (child, socket) = started(temporary.path());
        let mut stream = UnixStream::connect(&socket).unwrap();
        let _ = stream.write_all(sent);
        drop(stream);
        assert!(ends(child), "{sent:?}");
        assert_eq!(
            std::fs::read_dir(temporary.path()).unwrap().count(),
            0,
            "{sent:?}"
        );
    }
}

#[test]
fn the_socket_is_for_one_user_and_one_connection() {
    use std::os::unix::fs::PermissionsExt as _;
    let temporary = tempfile::tempdir().unwrap();
    let (child, socket) = started(temporary.path());
    let folder = Path::new(&socket).parent().unwrap();
    assert_eq!(
        std::fs::metadata(folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let stream = UnixStream::connect(&socket).unwrap();
    let begin = Instant::now();
    while folder.exists() && begin.elapsed() < DEADLINE {
        std::thread::sleep(Duration::from_millis(5));
    }
    UnixStream::connect(&socket).unwrap_err();
    drop(stream);
    assert!(ends(child));
}

/// The processes that run the provider of this template.
fn providers(terraform: &Terraform) -> Vec<u32> {
    let folder = terraform.path().to_str().unwrap().to_owned();
    let provider = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let cwd = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        line.contains("terraform-provider-coder") && cwd.to_string_lossy().starts_with(&folder)
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(provider).collect()
}

#[test]
fn it_does_not_outlive_terraform() {
    if !available() || !cfg!(target_os = "linux") {
        return;
    }
    for tls in TLS {
        let terraform = Terraform::new(
            r#"
resource "coder_agent" "main" {
  os   = "linux"
  arch = "amd64"
}
resource "terraform_data" "slow" {
  input = coder_agent.main.id
  provisioner "local-exec" {
    command = "echo $$ > pid; exec sleep 60"
  }
}
resource "coder_env" "after" {
  agent_id = coder_agent.main.id
  name     = "A"
  value    = terraform_data.slow.id
}
"#,
            tls,
        );
        let mut child = terraform
            .command(&["apply", "-auto-approve", "-input=false"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid_file = terraform.path().join("pid");
        let begin = Instant::now();
        let slow = loop {
            let pid = std::fs::read_to_string(&pid_file).unwrap_or_default();
            if let Ok(pid) = pid.trim().parse::<u32>() {
                break pid;
            }
            assert!(
                begin.elapsed() < DEADLINE,
                "the apply does not get far enough"
            );
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(
            providers(&terraform).len(),
            1,
            "the provider serves while it is needed"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        let begin = Instant::now();
        while !providers(&terraform).is_empty() {
            assert!(
                begin.elapsed() < DEADLINE,
                "the provider outlives Terraform"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        Command::new("kill").arg(slow.to_string()).status().unwrap();
    }
}

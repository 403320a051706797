//! Provisioner daemons in processes of their own, where possible in a network of their own.

use coder_tests::{Deployment, Outcome, wait_for};
use std::{
    fs,
    io::copy,
    net::{Shutdown, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

pub(crate) const PSK: &str = "a-long-pre-shared-key";
const MINUTE: Duration = Duration::from_secs(60);

/// A template whose apply takes until a file appears.
fn slow(deployment: &Deployment) -> String {
    let folder = deployment.folder().display();
    format!(
        r#"
resource "terraform_data" "slow" {{
  provisioner "local-exec" {{
    command = "touch {folder}/applying; while [ ! -e {folder}/go ]; do sleep 0.1; done"
  }}
}}
"#
    )
}

/// A server without built-in daemons.
pub(crate) fn server() -> Option<Deployment> {
    super::require("terraform")?;
    let environment = [
        ("CODER_PROVISIONER_DAEMONS", "0"),
        ("CODER_PROVISIONER_DAEMON_PSK", PSK),
    ];
    let binary = env!("CARGO_BIN_EXE_coder-under-test");
    Some(Deployment::start_with(binary, &environment))
}

/// A daemon that runs. Dropping it kills it.
pub(crate) struct ExternalDaemon {
    child: Child,
    log: PathBuf,
}

impl ExternalDaemon {
    pub(crate) fn start(deployment: &Deployment, mut command: Command, url: &str) -> Self {
        let log = deployment.folder().join("daemon.log");
        let file = fs::File::create(&log).expect("a log");
        command
            .args(["provisioner", "start", "--url", url, "--jobs", "2"])
            .args(["--name", "rack-1", "--cache-dir"])
            .arg(deployment.folder().join("daemon-cache"))
            .env("CODER_PROVISIONER_DAEMON_PSK", PSK)
            .stdin(Stdio::null())
            .stderr(file);
        let child = command.spawn().expect("the daemon starts");
        let daemon = Self { child, log };
        daemon.wait_for_log("connected to the server");
        daemon
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn wait_for_log(&self, text: &str) {
        wait_for(&format!("{text:?} in the daemon's log"), MINUTE, || {
            self.log().contains(text).then_some(())
        });
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([name, &pid]).status();
        assert!(status.is_ok_and(|status| status.success()));
    }

    fn ended(&mut self) -> bool {
        let end = wait_for("the daemon to end", MINUTE, || {
            self.child.try_wait().ok().flatten()
        });
        end.success()
    }
}

impl Drop for ExternalDaemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A network namespace that reaches this one by a cable only. Dropping it takes it away.
struct Namespace {
    name: String,
    host: String,
}

impl Namespace {
    #[expect(clippy::print_stderr, reason = "a skip has a printed reason")]
    fn create() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: a network namespace needs root");
            return None;
        }
        super::require("ip")?;
        let pid = std::process::id();
        let (name, net) = (format!("coder-e2e-{pid}"), format!("10.213.{}", pid % 250));
        let (outer, inner) = (
            format!("ce{}a", pid % 99_999),
            format!("ce{}b", pid % 99_999),
        );
        let namespace = Self {
            host: format!("{net}.1"),
            name: name.clone(),
        };
        for line in [
            format!("netns add {name}"),
            format!("link add {outer} type veth peer name {inner} netns {name}"),
            format!("addr add {net}.1/30 dev {outer}"),
            format!("link set {outer} up"),
            format!("-n {name} addr add {net}.2/30 dev {inner}"),
            format!("-n {name} link set {inner} up"),
            format!("-n {name} link set lo up"),
        ] {
            let output = Command::new("ip").args(line.split(' ')).output();
            let outcome = Outcome::of(output);
            if outcome.code != 0 {
                eprintln!("skipped: ip {line}: {}", outcome.stderr);
                return None;
            }
        }
        Some(namespace)
    }

    /// The command, run inside.
    fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.name]);
        inside.arg(command.get_program()).env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                inside.env(name, value);
            }
        }
        inside
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
    }
}

/// Passes connections on to the server, which listens on the loopback only. Answers its port.
fn forward(host: &str, server: String) -> u16 {
    let listener = TcpListener::bind((host, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(&server) else {
                continue;
            };
            let both = near
                .try_clone()
                .and_then(|near| Ok((near, far.try_clone()?)));
            let Ok((near_writer, far_writer)) = both else {
                continue;
            };
            for (mut from, mut to) in [(near, far_writer), (far, near_writer)] {
                thread::spawn(move || {
                    let _ = copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    port
}

#[test]
fn a_daemon_in_another_network_builds() {
    let Some(namespace) = Namespace::create() else {
        return;
    };
    let Some(deployment) = server() else { return };
    let server = deployment.url().replace("http://", "");
    let port = forward(&namespace.host, server);
    let url = format!("http://{}:{port}", namespace.host);
    let command = namespace.inside(&deployment.command());
    let mut daemon = ExternalDaemon::start(&deployment, command, &url);
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--no-wait", "--yes"]);
    let path = "/api/v2/users/me/workspace/dev";
    wait_for("the build to end", MINUTE, || {
        let (_, workspace) = deployment.api("GET", path, None);
        (workspace["latest_build"]["job"]["status"] == "succeeded").then_some(())
    });
    deployment.must(&["delete", "dev", "--yes"]);
    daemon.signal("-TERM");
    assert!(daemon.ended(), "{}", daemon.log());
}

#[test]
fn a_build_outlives_the_server_and_a_drained_daemon_ends_after_it() {
    let Some(mut deployment) = server() else {
        return;
    };
    let url = deployment.url();
    let mut daemon = ExternalDaemon::start(&deployment, deployment.command(), &url);
    assert_eq!(deployment.push("slow", &slow(&deployment)).code, 0);
    deployment.must(&["create", "dev", "--template", "slow", "--no-wait", "--yes"]);
    let applying = deployment.folder().join("applying");
    wait_for("the apply to begin", MINUTE, || {
        applying.exists().then_some(())
    });
    assert!(deployment.stop_server(MINUTE));
    deployment.start_server();
    wait_for("the daemon to come back", MINUTE, || {
        let log = daemon.log();
        (log.matches("connected to the server").count() >= 2).then_some(())
    });
    daemon.signal("-TERM");
    daemon.wait_for_log("takes no more jobs");
    fs::write(deployment.folder().join("go"), "").expect("written");
    assert!(daemon.ended(), "{}", daemon.log());
    let (_, workspace) = deployment.api("GET", "/api/v2/users/me/workspace/dev", None);
    let build = &workspace["latest_build"];
    assert_eq!(build["job"]["status"], "succeeded", "{build}");
}

//! A server with its own PostgreSQL, provisioners and folders, and the command line signed in to it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "this is how a test fails"
)]

use crate::wait::{poll, wait_for};
use std::{
    fs,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

/// The owner's password.
const PASSWORD: &str = "correct-horse-battery";
/// Time for the first start: initdb and migrations, on a busy machine.
const START: Duration = Duration::from_secs(120);

/// What a command did.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code, 255 after a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// A deployment. Dropping it ends everything that it started.
#[derive(Debug)]
pub struct Deployment {
    binary: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    server: Option<Child>,
    environment: Vec<(String, String)>,
}

impl Deployment {
    /// Starts a server and signs in as its first user. `binary` is the coder binary.
    #[must_use]
    pub fn start(binary: &str) -> Self {
        Self::start_with(binary, &[])
    }

    /// The same with variables for the server.
    #[must_use]
    pub fn start_with(binary: &str, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("coder-e2e-")
            .tempdir()
            .expect("a folder");
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let mut deployment = Self {
            binary: PathBuf::from(binary),
            folder,
            port: free_port(),
            server: None,
            environment: environment.iter().map(owned).collect(),
        };
        // The bundled PostgreSQL runs as another account, which must reach its files here.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(deployment.folder.path(), open).expect("an open folder");
        for name in ["home", "server", "tmp"] {
            fs::create_dir(deployment.folder.path().join(name)).expect("a folder");
        }
        deployment.start_server();
        let outcome = deployment
            .command()
            .env("CODER_FIRST_USER_EMAIL", "admin@example.com")
            .env("CODER_FIRST_USER_USERNAME", "admin")
            .env("CODER_FIRST_USER_PASSWORD", PASSWORD)
            .args(["login", &deployment.url()])
            .output();
        drop(Outcome::of(outcome).expect_success("login"));
        deployment
    }

    /// Where the server is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The home directory of the server and of the command line.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The session token of the first user.
    #[must_use]
    pub fn token(&self) -> String {
        fs::read_to_string(self.folder.path().join("cli/session")).expect("signed in")
    }

    /// The server's log so far.
    #[must_use]
    pub fn server_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// A folder for whatever a test writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The `coder` command of the first user.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        self.clean(&mut command);
        command.env("CODER_CONFIG_DIR", self.folder.path().join("cli"));
        command
    }

    /// Runs the `coder` command.
    pub fn coder(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command().args(arguments).stdin(Stdio::null()).output())
    }

    /// Runs the `coder` command, which must succeed, and answers its standard output.
    pub fn must(&self, arguments: &[&str]) -> String {
        self.coder(arguments).expect_success(&arguments.join(" "))
    }

    /// Calls the API with the first user's session; answers status and body.
    pub fn api(
        &self,
        method: &str,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> (u16, serde_json::Value) {
        let mut command = Command::new("curl");
        command.args([
            "-sS",
            "--max-time",
            "60",
            "-w",
            "\n%{http_code}",
            "-X",
            method,
        ]);
        command.args(["-H", &format!("Coder-Session-Token: {}", self.token())]);
        if let Some(body) = body {
            command.args([
                "-H",
                "Content-Type: application/json",
                "-d",
                &body.to_string(),
            ]);
        }
        let outcome = Outcome::of(command.arg(format!("{}{path}", self.url())).output());
        let text = outcome.expect_success(path);
        let (body, status) = text.trim_end().rsplit_once('\n').unwrap_or(("", &text));
        let value = serde_json::from_str(body).unwrap_or(serde_json::Value::Null);
        (status.trim().parse().expect("a status"), value)
    }

    /// Writes the local template into a folder and pushes it.
    pub fn push_local_template(&self) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/templates/local");
        let source = source.to_str().expect("UTF-8");
        self.must(&["templates", "push", "local", "--directory", source, "--yes"]);
    }

    /// Pushes a template with this `main.tf`.
    pub fn push(&self, name: &str, main_tf: &str) -> Outcome {
        let folder = self.folder.path().join(format!("template-{name}"));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("main.tf"), main_tf).expect("written");
        let folder = folder.to_str().expect("UTF-8");
        self.coder(&["templates", "push", name, "--directory", folder, "--yes"])
    }

    /// Starts the server, which must not run.
    pub fn start_server(&mut self) {
        let mut log = fs::OpenOptions::new();
        let log = log
            .create(true)
            .append(true)
            .open(self.folder.path().join("server.log"));
        let log = log.expect("a log");
        let mut command = Command::new(&self.binary);
        self.clean(&mut command);
        command
            .env("CODER_CONFIG_DIR", self.folder.path().join("server"))
            .env("CODER_CACHE_DIRECTORY", self.folder.path().join("cache"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args([
                "server",
                "--http-address",
                &format!("127.0.0.1:{}", self.port),
            ])
            .args(["--access-url", &self.url()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0);
        self.server = Some(command.spawn().expect("the server starts"));
        let up = poll(START, || self.is_up().then_some(()));
        assert!(
            up.is_some(),
            "the server did not start:\n{}",
            self.server_log()
        );
    }

    /// Whether the server answers.
    #[must_use]
    pub fn is_up(&self) -> bool {
        let mut ask = Command::new("curl");
        ask.args([
            "-fsS",
            "-o",
            "/dev/null",
            "--max-time",
            "2",
            &format!("{}/healthz", self.url()),
        ]);
        ask.stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// The server's process.
    #[must_use]
    pub fn server_pid(&self) -> u32 {
        self.server.as_ref().expect("the server runs").id()
    }

    /// Ends the server at once, as a crash would.
    pub fn kill_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Asks the server to stop and waits for it; answers whether it ended well in time.
    pub fn stop_server(&mut self, limit: Duration) -> bool {
        let Some(mut server) = self.server.take() else {
            return true;
        };
        signal(server.id(), rustix::process::Signal::TERM);
        let ended = poll(limit, || server.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = server.kill();
            let _ = server.wait();
        }
        ended.is_some_and(|status| status.success())
    }

    /// Processes whose command line or environment names this deployment's folder.
    #[must_use]
    pub fn processes(&self) -> Vec<(u32, String)> {
        let folder = self.folder.path().to_str().expect("UTF-8").to_owned();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let read = |name: &str| {
                let bytes = fs::read(entry.path().join(name)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).replace('\0', " ")
            };
            let command = read("cmdline");
            let ours = command.contains(&folder) || read("environ").contains(&folder);
            if ours && pid != std::process::id() && !command.is_empty() {
                found.push((pid, command));
            }
        }
        found
    }

    /// Waits until the only agent of a workspace has this status.
    pub fn wait_for_agent(&self, workspace: &str, status: &str, limit: Duration) {
        let path = format!("/api/v2/users/me/workspace/{workspace}");
        wait_for(&format!("the agent to be {status}"), limit, || {
            let (_, value) = self.api("GET", &path, None);
            let resources = value["latest_build"]["resources"].as_array()?.clone();
            let agent = resources
                .iter()
                .find_map(|resource| resource["agents"].get(0).cloned())?;
            (agent["status"] == status).then_some(())
        });
    }

    fn clean(&self, command: &mut Command) {
        let keep = ["PATH", "LANG", "USER", "RUST_BACKTRACE"];
        // Workspaces download their agents into the temporary folder: it goes away with the rest.
        command
            .env_clear()
            .env("HOME", self.home())
            .env("TMPDIR", self.folder.path().join("tmp"));
        for name in keep {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.server_log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprint_lines("the end of the server's log:", tail.into_iter().rev());
        }
        self.stop_server(Duration::from_secs(20));
        for (pid, _) in self.processes() {
            signal(pid, rustix::process::Signal::KILL);
        }
    }
}

impl Outcome {
    /// What a command did that was run to its end.
    #[must_use]
    pub fn of(output: std::io::Result<Output>) -> Self {
        let output = output.expect("the command runs");
        Self {
            code: output.status.code().unwrap_or(255),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The standard output of a command that must have succeeded.
    #[must_use]
    pub fn expect_success(self, what: &str) -> String {
        let Self {
            code,
            stdout,
            stderr,
        } = self;
        assert!(code == 0, "{what} ended with {code}\n{stdout}\n{stderr}");
        stdout
    }
}

fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// A port of this machine that nothing uses now.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[expect(
    clippy::print_stderr,
    reason = "the test runner shows this with the failure"
)]
fn eprint_lines<'a>(heading: &str, lines: impl Iterator<Item = &'a str>) {
    eprintln!("{heading}");
    lines.for_each(|line| eprintln!("  {line}"));
}

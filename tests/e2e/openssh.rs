//! A stock OpenSSH client after `coder config-ssh`, as a new user has it.

use coder_tests::{Deployment, Outcome, free_port, wait_for};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A deployment with the workspace `dev` and an SSH configuration for it.
struct Scene {
    deployment: Deployment,
    config: PathBuf,
}

fn scene() -> Option<Scene> {
    super::require("ssh")?;
    let deployment = super::deployment()?;
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", MINUTE);
    let config = deployment.folder().join("ssh_config");
    let scene = Scene { deployment, config };
    scene.config_ssh(&[]);
    Some(scene)
}

impl Scene {
    fn config_ssh(&self, arguments: &[&str]) {
        let mut command = self.deployment.command();
        command
            .args(["config-ssh", "--yes", "--ssh-config-file"])
            .arg(&self.config)
            .args(arguments);
        drop(Outcome::of(command.output()).expect_success("config-ssh"));
    }

    fn config(&self) -> String {
        fs::read_to_string(&self.config).expect("written")
    }

    /// `ssh`, `scp` or `sftp` with the configuration.
    fn client(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .arg("-F")
            .arg(&self.config)
            .args(arguments)
            .env("HOME", self.deployment.home())
            .stdin(Stdio::null());
        command
    }

    fn ssh(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.client("ssh", arguments).output())
    }

    fn known_hosts(&self) -> PathBuf {
        self.deployment.folder().join("cli/ssh_known_hosts")
    }

    /// The folder that the workspace begins in.
    fn workspace(&self) -> PathBuf {
        let home = self.ssh(&["coder.dev", "pwd"]).expect_success("pwd");
        PathBuf::from(home.trim())
    }
}

#[test]
fn the_host_key_is_known_without_a_question_and_checked() {
    let Some(scene) = scene() else {
        return;
    };
    let first = scene.ssh(&["-o", "StrictHostKeyChecking=yes", "coder.dev", "echo hello"]);
    assert_eq!(
        (first.code, first.stdout.as_str()),
        (0, "hello\n"),
        "{}",
        first.stderr
    );
    assert_eq!(first.stderr, "", "no warning, no question");
    let known = fs::read_to_string(scene.known_hosts()).expect("written");
    let key = known
        .strip_prefix("coder.dev ssh-ed25519 ")
        .expect("one line")
        .to_owned();

    // The same after a rebuild and under another name.
    scene.deployment.must(&["restart", "dev", "--yes"]);
    scene.deployment.must(&["rename", "dev", "dev2", "--yes"]);
    scene.deployment.wait_for_agent("dev2", "connected", MINUTE);
    assert_eq!(scene.ssh(&["dev2.coder", "true"]).code, 0);
    let known = fs::read_to_string(scene.known_hosts()).expect("written");
    assert!(
        known.contains(&format!("dev2.coder ssh-ed25519 {key}")),
        "{known}"
    );

    // Another workspace in its place is refused, whatever the way there claims.
    scene
        .deployment
        .must(&["create", "other", "--template", "local", "--yes"]);
    scene
        .deployment
        .wait_for_agent("other", "connected", MINUTE);
    let other = format!(
        "ProxyCommand={} --global-config {} ssh --stdio other",
        env!("CARGO_BIN_EXE_coder-under-test"),
        scene.deployment.folder().join("cli").display()
    );
    let refused = scene.ssh(&["-o", &other, "coder.dev", "true"]);
    assert!(
        refused.code == 255 && refused.stderr.contains("Host key verification failed"),
        "{}",
        refused.stderr
    );
    // And so does our own client, which asks the server for the key.
    let ours = scene.deployment.must(&["ssh", "dev2", "echo ours"]);
    assert_eq!(ours, "ours\n");
}

#[test]
fn files_are_copied_and_connections_shared() {
    let Some(scene) = scene() else {
        return;
    };
    let folder = scene.deployment.folder();
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| (n / 3) as u8).collect();
    let (here, back) = (folder.join("here"), folder.join("back"));
    fs::write(&here, &bytes).expect("written");
    let (here, back) = (here.to_str().expect("UTF-8"), back.to_str().expect("UTF-8"));

    // The older way of scp needs nothing but a command.
    for mode in [&["-O"][..], &[]] {
        if mode.is_empty() && !scene.offers_sftp() {
            continue;
        }
        let copy = |from: &str, to: &str| {
            let mut arguments = mode.to_vec();
            arguments.extend(["-q", from, to]);
            let outcome = Outcome::of(scene.client("scp", &arguments).output());
            drop(outcome.expect_success("scp"));
        };
        let _ = fs::remove_file(back);
        copy(here, "coder.dev:there");
        copy("dev.coder:there", back);
        assert!(fs::read(back).expect("copied") == bytes, "{mode:?}");
    }

    // One connection for many commands.
    let socket = folder.join("master");
    let control = format!("ControlPath={}", socket.display());
    let master = [
        "-o",
        &control,
        "-o",
        "ControlMaster=auto",
        "-o",
        "ControlPersist=60",
    ];
    let shared = |command: &str| {
        let mut arguments = master.to_vec();
        arguments.extend(["coder.dev", command]);
        scene.ssh(&arguments)
    };
    assert_eq!(shared("true").code, 0, "the master");
    assert!(socket.exists());
    for n in 0..20 {
        let outcome = shared(&format!("echo {n}; exit {n}"));
        assert_eq!((outcome.code, outcome.stdout), (n, format!("{n}\n")));
    }
    let outcome = scene.ssh(&["-o", &control, "-O", "exit", "coder.dev"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

impl Scene {
    /// Whether the agent has the subsystem; says so when it has not.
    #[expect(clippy::print_stderr, reason = "a skip has a printed reason")]
    fn offers_sftp(&self) -> bool {
        let batch = self.deployment.folder().join("batch");
        fs::write(&batch, "pwd\n").expect("written");
        let mut command = self.client("sftp", &["-q", "-b"]);
        let offered = Outcome::of(command.arg(&batch).arg("coder.dev").output()).code == 0;
        if !offered {
            eprintln!("skipped: scp over SFTP, which this agent does not offer");
        }
        offered
    }
}

#[test]
fn ports_are_forwarded_by_openssh() {
    let Some(scene) = scene() else {
        return;
    };
    super::require("curl").expect("curl, which all these tests need");
    let (local, dynamic) = (free_port(), free_port());
    // The server is a service like any other, as seen from the workspace.
    let server = scene.deployment.url();
    let target = server.trim_start_matches("http://");
    let mut command = scene.client(
        "ssh",
        &[
            "-N",
            "-o",
            "ExitOnForwardFailure=yes",
            "-L",
            &format!("{local}:{target}"),
            "-D",
            &format!("127.0.0.1:{dynamic}"),
            "coder.dev",
        ],
    );
    let _ssh = Running(command.spawn().expect("it starts"));
    for port in [local, dynamic] {
        wait_for("ssh to listen", MINUTE, || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
    }
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        Outcome::of(
            command
                .args(["-fsS", "--max-time", "30"])
                .args(arguments)
                .output(),
        )
    };
    let direct = curl(&[&format!("http://127.0.0.1:{local}/healthz")]);
    assert_eq!(direct.expect_success("-L"), "OK");
    let socks = curl(&[
        "--socks5-hostname",
        &format!("127.0.0.1:{dynamic}"),
        &format!("{server}/healthz"),
    ]);
    assert_eq!(socks.expect_success("-D"), "OK");
}

#[test]
fn full_screen_programs_run_under_a_real_terminal() {
    let Some(scene) = scene() else {
        return;
    };
    if super::require("script").is_none() || super::require("vi").is_none() {
        return;
    }
    let workspace = scene.workspace();
    let config = scene.config.to_str().expect("UTF-8").to_owned();
    for (name, command) in [
        (
            "ssh",
            format!("ssh -F {config} -t coder.dev vi -u NONE -N text-ssh"),
        ),
        (
            "coder",
            format!(
                "{} ssh -t dev vi -u NONE -N text-coder",
                env!("CARGO_BIN_EXE_coder-under-test")
            ),
        ),
    ] {
        let mut terminal = Terminal::start(&scene.deployment, &command);
        terminal.wait_for("~");
        terminal.type_in("ihello from the screen\x1b:wq\r");
        assert_eq!(terminal.ended(), 0, "{}", terminal.shown());
        let written = fs::read_to_string(workspace.join(format!("text-{name}")));
        assert_eq!(written.expect("written"), "hello from the screen\n");
    }
    // A shell knows its terminal, and takes Ctrl-C for itself.
    let mut terminal = Terminal::start(&scene.deployment, &format!("ssh -F {config} coder.dev"));
    terminal.type_in("tty; stty size; sleep 1000\r");
    terminal.wait_for("/dev/pts/");
    terminal.type_in("\x03");
    // What is typed before a terminal has seen it is thrown away with it.
    terminal.wait_for("^C");
    terminal.type_in("echo after-$((40+2)); exit 7\r");
    terminal.wait_for("after-42");
    assert_eq!(terminal.ended(), 7, "{}", terminal.shown());
}

#[test]
fn the_section_is_what_was_asked_for() {
    let Some(scene) = scene() else {
        return;
    };
    // Words of other sections stay, and the options of the last run are remembered.
    let own = format!("Host own\n\tUser me\n\n{}\nHost last\n", scene.config());
    fs::write(&scene.config, &own).expect("written");
    scene.config_ssh(&[
        "--wait",
        "no",
        "--ssh-option",
        "SetEnv=FROM_CONFIG=yes",
        "--no-wildcard",
    ]);
    let changed = scene.config();
    assert!(
        changed.starts_with("Host own\n\tUser me\n\n# ---"),
        "{changed}"
    );
    assert!(changed.ends_with("---\n\nHost last\n"), "{changed}");
    assert!(
        changed.contains("\nHost coder.dev dev.coder\n"),
        "{changed}"
    );
    let sent = scene.ssh(&["dev.coder", "echo $FROM_CONFIG"]);
    assert_eq!(sent.expect_success("ssh"), "yes\n");
    scene.config_ssh(&["--use-previous-options"]);
    assert_eq!(scene.config(), changed, "the same again");
    scene.config_ssh(&[]);
    assert_eq!(scene.config(), own, "the defaults again");

    // The file of host keys is private, and so is the configuration that was made.
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    };
    assert_eq!(mode(&scene.known_hosts()), 0o600);
    // A folder with a space and a quote is escaped for ssh and for the shell.
    let odd = scene.deployment.folder().join("it's a folder");
    fs::create_dir(&odd).expect("made");
    for name in ["url", "session"] {
        fs::copy(
            scene.deployment.folder().join("cli").join(name),
            odd.join(name),
        )
        .expect("copied");
    }
    let mut command = scene.deployment.command();
    command
        .args(["--global-config"])
        .arg(&odd)
        .args(["config-ssh", "--yes", "--ssh-config-file"])
        .arg(&scene.config);
    assert_eq!(Outcome::of(command.output()).code, 0);
    assert_eq!(
        scene.ssh(&["coder.dev", "echo odd"]).expect_success("ssh"),
        "odd\n"
    );
}

#[test]
fn a_lost_connection_says_why() {
    let Some(mut scene) = scene() else {
        return;
    };
    // A shell whose workspace is stopped.
    let stopped = scene.session("stopped");
    let mut command = scene.client("ssh", &["coder.dev", "echo begun; sleep 1000"]);
    let openssh = Session::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    scene.deployment.must(&["stop", "dev", "--yes"]);
    for (session, code) in [(stopped, 229), (openssh, 255)] {
        session.ends_with(code, &["the workspace admin/dev", "stopped"]);
    }
    scene.deployment.must(&["start", "dev", "--yes"]);
    scene.deployment.wait_for_agent("dev", "connected", MINUTE);

    // A server that is killed under an open shell, of ours and of OpenSSH's.
    let ours = scene.session("ours");
    let mut command = scene.client("ssh", &["coder.dev", "echo begun; sleep 1000"]);
    let openssh = Session::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    scene.deployment.kill_server();
    ours.ends_with(
        229,
        &["the connection to admin/dev was lost", "cannot be reached"],
    );
    openssh.ends_with(255, &["the connection to admin/dev was lost"]);
    scene.deployment.start_server();
    scene.deployment.wait_for_agent("dev", "connected", MINUTE);
    assert_eq!(
        scene
            .ssh(&["coder.dev", "echo again"])
            .expect_success("ssh"),
        "again\n"
    );
}

impl Scene {
    /// A command of `coder ssh` that runs until something ends it.
    fn session(&self, name: &str) -> Session {
        let mut command = self.deployment.command();
        command
            .args([
                "ssh",
                "dev",
                &format!("echo begun; sleep 1000; echo {name}"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Session::start(&mut command)
    }
}

/// A remote command that has begun.
struct Session(Child);

impl Session {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("it starts");
        let mut begun = [0; 6];
        let stdout = child.stdout.as_mut().expect("piped");
        stdout.read_exact(&mut begun).expect("begun");
        assert_eq!(&begun, b"begun\n");
        Self(child)
    }

    fn ends_with(mut self, code: i32, words: &[&str]) {
        let status = wait_for("the session to end", MINUTE, || {
            self.0.try_wait().ok().flatten()
        });
        let mut said = String::new();
        let stderr = self.0.stderr.as_mut().expect("piped");
        stderr.read_to_string(&mut said).expect("UTF-8");
        assert_eq!(status.code(), Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "{said:?} does not say {word:?}");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command under a terminal of its own, made by script(1).
struct Terminal {
    child: Child,
    log: PathBuf,
}

impl Terminal {
    fn start(deployment: &Deployment, command: &str) -> Self {
        let log = deployment.folder().join("typescript");
        let _ = fs::remove_file(&log);
        let mut script = Command::new("script");
        script
            .args(["-qefc", command])
            .arg(&log)
            .env("HOME", deployment.home())
            .env("CODER_CONFIG_DIR", deployment.folder().join("cli"))
            .env("TERM", "xterm")
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let child = script.spawn().expect("script starts");
        Self { child, log }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn wait_for(&self, text: &str) {
        wait_for(&format!("{text:?} on the screen"), MINUTE, || {
            self.shown().contains(text).then_some(())
        });
    }

    fn type_in(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin.write_all(keys.as_bytes()).expect("typed");
        stdin.flush().expect("typed");
    }

    fn ended(&mut self) -> i32 {
        let status = wait_for("the program to end", MINUTE, || {
            self.child.try_wait().ok().flatten()
        });
        status.code().unwrap_or(255)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! What people do with OpenSSH, in a workspace: through `coder ssh --stdio`, the server and the agent's tunnel.

use coder_tests::{Deployment, Outcome, wait_for};
use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

const AGENT: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(30);

/// Clients of one workspace, called `coder.dev`.
struct Clients {
    config: String,
    folder: std::path::PathBuf,
}

/// A client that runs until this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Clients {
    fn of(deployment: &Deployment) -> Self {
        let config = deployment.folder().join("ssh_config");
        let config = config.to_str().expect("UTF-8").to_owned();
        deployment.must(&["config-ssh", "--yes", "--ssh-config-file", &config]);
        Self {
            config,
            folder: deployment.folder().to_owned(),
        }
    }

    /// A program of OpenSSH's with the configuration of workspaces.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.args(["-F", &self.config]).stdin(Stdio::null());
        command
    }

    fn ssh(&self, arguments: &[&str]) -> String {
        run(self.program("ssh").args(arguments))
    }

    /// How other programs start ssh.
    fn command_line(&self) -> String {
        format!("ssh -F {}", self.config)
    }

    fn path(&self, name: &str) -> String {
        let path = self.folder.join(name);
        path.to_str().expect("UTF-8").to_owned()
    }

    fn start(&self, arguments: &[&str]) -> Running {
        let mut ssh = self.program("ssh");
        ssh.args(["-oExitOnForwardFailure=yes"]).args(arguments);
        Running(ssh.spawn().expect("ssh starts"))
    }
}

fn run(command: &mut Command) -> String {
    Outcome::of(command.output()).expect_success(&format!("{command:?}"))
}

/// Bytes that cannot be told from random ones.
fn bytes(length: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Answers each connection with what it has sent, once that has ended.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut all = Vec::new();
                let _ = stream.read_to_end(&mut all);
                let _ = stream.write_all(&all);
            });
        }
    });
    port
}

#[test]
fn the_tools_of_openssh_work_in_a_workspace() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    for program in ["ssh", "scp", "sftp", "rsync", "git", "ssh-agent", "script"] {
        if super::require(program).is_none() {
            return;
        }
    }
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", AGENT);
    let clients = Clients::of(&deployment);
    files_are_copied(&clients);
    git_is_served(&clients);
    streams_are_forwarded(&clients);
    our_own_client_forwards_streams(&deployment);
    sessions_share_a_connection(&clients);
    keys_are_lent(&deployment, &clients);
    a_full_screen_program_is_shown(&clients);
}

fn files_are_copied(clients: &Clients) {
    let data = bytes(8_000_000);
    let (local, remote) = (clients.path("local.bin"), clients.path("remote.bin"));
    let back = clients.path("back.bin");
    fs::write(&local, &data).expect("written");
    let place = |path: &str| format!("coder.dev:{path}");
    for protocol in ["-s", "-O"] {
        let scp =
            |from: &str, to: &str| run(clients.program("scp").args(["-q", protocol, from, to]));
        scp(&local, &place(&remote));
        scp(&place(&remote), &back);
        assert!(fs::read(&back).expect("copied") == data, "scp {protocol}");
        fs::remove_file(&remote).expect("copied there");
        fs::remove_file(&back).expect("copied back");
    }
    let batch = clients.path("batch");
    let lines = format!(
        "put {local} \"{spaced}\"\nchmod 600 \"{spaced}\"\nrename \"{spaced}\" {remote}\n\
         get {remote} {back}\nrm {remote}\n",
        spaced = clients.path("with a space"),
    );
    fs::write(&batch, lines).expect("written");
    run(clients
        .program("sftp")
        .args(["-q", "-b", &batch, "coder.dev"]));
    assert!(fs::read(&back).expect("copied") == data, "sftp");

    let tree = clients.path("tree");
    for index in 0..200 {
        let folder = Path::new(&tree).join(format!("{}", index % 7));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("{index}")), index.to_string()).expect("written");
    }
    let rsync = |from: &str, to: &str| {
        let mut rsync = Command::new("rsync");
        run(rsync.args(["-a", "--stats", "-e", &clients.command_line(), from, to]))
    };
    let copy = clients.path("copied");
    rsync(&format!("{tree}/"), &place(&format!("{copy}/")));
    let again = rsync(&format!("{tree}/"), &place(&format!("{copy}/")));
    assert!(again.contains("files transferred: 0"), "{again}");
    rsync(&place(&format!("{copy}/")), &clients.path("returned/"));
    run(Command::new("diff").args(["-r", &tree, &clients.path("returned")]));
}

fn git_is_served(clients: &Clients) {
    let (bare, work) = (clients.path("repo.git"), clients.path("work"));
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
        git.env("GIT_SSH_COMMAND", clients.command_line());
        run(git.args(arguments))
    };
    clients.ssh(&["coder.dev", &format!("git init -q --bare -b main {bare}")]);
    let url = format!("coder.dev:{bare}");
    git(&["clone", "-q", &url, &work]);
    let file = Path::new(&work).join("file");
    fs::write(&file, bytes(3_000_000)).expect("written");
    git(&["-C", &work, "add", "."]);
    git(&["-C", &work, "commit", "-q", "-m", "one"]);
    git(&["-C", &work, "push", "-q", "origin", "HEAD:main"]);
    let other = clients.path("other");
    git(&["clone", "-q", &url, &other]);
    let cloned = fs::read(Path::new(&other).join("file")).expect("cloned");
    assert!(cloned == fs::read(file).expect("there"));
}

fn streams_are_forwarded(clients: &Clients) {
    let target = echo();
    let (local, dynamic, remote) = (port(), port(), port());
    let (unix_local, unix_remote) = (clients.path("l.sock"), clients.path("r.sock"));
    let _forwards = clients.start(&[
        "-N",
        &format!("-L{local}:localhost:{target}"),
        &format!("-D{dynamic}"),
        &format!("-R{remote}:localhost:{target}"),
        &format!("-R{unix_remote}:localhost:{target}"),
        &format!("-L{unix_local}:{unix_remote}"),
        "coder.dev",
    ]);
    let connect = |port: u16| {
        wait_for("a forwarded port", SOON, || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        })
    };
    for port in [local, remote] {
        check_echo(&connect(port), |stream| stream.shutdown(Shutdown::Write));
    }
    // From here to the workspace by one socket, and back by the other.
    let stream = wait_for("a forwarded socket", SOON, || {
        UnixStream::connect(&unix_local).ok()
    });
    check_echo(&stream, |stream| stream.shutdown(Shutdown::Write));
    let mut stream = connect(dynamic);
    let [high, low] = target.to_be_bytes();
    stream.write_all(&[5, 1, 0]).expect("sent");
    stream.read_exact(&mut [0; 2]).expect("SOCKS");
    let request = [5, 1, 0, 1, 127, 0, 0, 1, high, low];
    stream.write_all(&request).expect("sent");
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).expect("SOCKS");
    assert_eq!(answer[1], 0, "SOCKS");
    check_echo(&stream, |stream| stream.shutdown(Shutdown::Write));
}

/// `coder ssh -R`, without OpenSSH.
fn our_own_client_forwards_streams(deployment: &Deployment) {
    let target = echo();
    let (first, second) = (port(), port());
    let mut ssh = deployment.command();
    ssh.arg("ssh")
        .args(["-R", &format!("{first}:localhost:{target}")])
        .args(["-R", &format!("{second}:127.0.0.1:{target}")])
        .args(["dev", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut running = Running(ssh.spawn().expect("it starts"));
    for port in [first, second] {
        let stream = wait_for("a forwarded port", SOON, || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        check_echo(&stream, |stream| stream.shutdown(Shutdown::Write));
    }
    let forward = format!("{first}:localhost:{target}");
    let taken = deployment.coder(&["ssh", "-R", &forward, "dev", "true"]);
    assert_eq!(taken.code, 229, "{}", taken.stderr);
    let said = format!("cannot listen at port {first}: it is in use");
    assert!(taken.stderr.contains(&said), "{}", taken.stderr);
    let wrong = deployment.coder(&["ssh", "-R", "80:80", "dev", "true"]);
    assert!(
        wrong.stderr.contains("8080:localhost:3000"),
        "{}",
        wrong.stderr
    );
    // With the session its ports end.
    drop(running.0.stdin.take());
    wait_for("the end", SOON, || running.0.try_wait().ok().flatten());
    wait_for("the port to be free", SOON, || {
        TcpStream::connect(("127.0.0.1", first))
            .is_err()
            .then_some(())
    });
}

fn sessions_share_a_connection(clients: &Clients) {
    let socket = format!("-S{}", clients.path("control"));
    let _master = clients.start(&["-M", "-N", &socket, "coder.dev"]);
    wait_for("a control master", SOON, || {
        let asked = Outcome::of(
            clients
                .program("ssh")
                .args([&socket, "-O", "check", "coder.dev"])
                .output(),
        );
        (asked.code == 0).then_some(())
    });
    for index in 0..20 {
        let command = format!("echo {index}; exit {index}");
        let mut ssh = clients.program("ssh");
        let ran = Outcome::of(ssh.args([&*socket, "coder.dev", &command]).output());
        assert_eq!((ran.code, ran.stdout), (index, format!("{index}\n")));
    }
    let (target, local) = (echo(), port());
    let forward = format!("-L{local}:localhost:{target}");
    clients.ssh(&[&socket, "-O", "forward", &forward, "coder.dev"]);
    let stream = TcpStream::connect(("127.0.0.1", local)).expect("forwarded");
    check_echo(&stream, |stream| stream.shutdown(Shutdown::Write));
    clients.ssh(&[&socket, "-O", "cancel", &forward, "coder.dev"]);
    assert!(TcpStream::connect(("127.0.0.1", local)).is_err());
}

fn keys_are_lent(deployment: &Deployment, clients: &Clients) {
    let (socket, key) = (clients.path("agent.sock"), clients.path("key"));
    let mut agent = Command::new("ssh-agent");
    agent.args(["-D", "-a", &socket]).stdout(Stdio::null());
    let _agent = Running(agent.spawn().expect("an agent"));
    wait_for("the agent", SOON, || {
        Path::new(&socket).exists().then_some(())
    });
    let mut keygen = Command::new("ssh-keygen");
    run(keygen.args([
        "-q", "-t", "ed25519", "-N", "", "-C", "lent-key", "-f", &key,
    ]));
    let mut add = Command::new("ssh-add");
    run(add.args(["-q", &key]).env("SSH_AUTH_SOCK", &socket));
    let mut ssh = clients.program("ssh");
    let listed = run(ssh
        .args(["-A", "coder.dev", "ssh-add -l"])
        .env("SSH_AUTH_SOCK", &socket));
    assert!(listed.contains("lent-key"), "{listed}");
    let ours = |flags: &[&str], variable: &str| {
        let mut coder = deployment.command();
        coder.env("SSH_AUTH_SOCK", variable).arg("ssh").args(flags);
        Outcome::of(coder.args(["dev", "ssh-add -l"]).output())
    };
    for (flags, variable) in [
        (&["-A"][..], &*socket),
        (&["-A", "--identity-agent", &socket], ""),
    ] {
        let listed = ours(flags, variable).expect_success("coder ssh -A");
        assert!(listed.contains("lent-key"), "{listed}");
    }
    let without = ours(&["-A"], "");
    assert!(
        without.stderr.contains("SSH_AUTH_SOCK is not set"),
        "{}",
        without.stderr
    );
    let unasked = ours(&[], &socket);
    assert!(!unasked.stdout.contains("lent-key"), "{}", unasked.stdout);
}

/// `script` gives ssh a terminal here, as a window does.
fn a_full_screen_program_is_shown(clients: &Clients) {
    let text = clients.path("text");
    let lines: String = (0..500).map(|index| format!("line {index}\n")).collect();
    fs::write(&text, lines).expect("written");
    let inner = format!(
        "stty rows 33 cols 101; {} -t coder.dev 'stty size; less {text}; echo ended'",
        clients.command_line()
    );
    let mut script = Command::new("script");
    script
        .args(["-qec", &inner, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = Running(script.spawn().expect("script starts"));
    let mut keys = child.0.stdin.take().expect("keys");
    let mut screen = child.0.stdout.take().expect("a screen");
    let shown = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let seen = std::sync::Arc::clone(&shown);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = screen.read(&mut bytes) {
            let text = String::from_utf8_lossy(bytes.get(..read).unwrap_or_default()).into_owned();
            seen.lock().expect("not poisoned").push_str(&text);
        }
    });
    let shows = |text: &str| {
        wait_for(&format!("{text:?} on the screen"), SOON, || {
            let shown = shown.lock().expect("not poisoned");
            shown.contains(text).then_some(())
        });
    };
    shows("33 101");
    // The other screen, and the first page of it.
    shows("\x1b[?1049h");
    shows("line 31");
    keys.write_all(b"G").expect("typed");
    shows("line 499");
    keys.write_all(b"q").expect("typed");
    shows("\x1b[?1049l");
    shows("ended");
    wait_for("the end", SOON, || child.0.try_wait().ok().flatten());
}

/// Sends a megabyte, ends that direction, and expects it back.
fn check_echo<S>(stream: &S, end: impl Fn(&S) -> std::io::Result<()>)
where
    for<'a> &'a S: Read + Write,
{
    let sent = bytes(1_000_000);
    let (mut writer, mut reader) = (stream, stream);
    writer.write_all(&sent).expect("sent");
    end(stream).expect("ended");
    let mut received = Vec::new();
    reader.read_to_end(&mut received).expect("received");
    assert!(received == sent, "{} bytes", received.len());
}

/// A port that nobody listens at.
fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

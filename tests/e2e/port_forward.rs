//! Ports of a workspace on this machine. The workspace is a process of this machine too, so that the tests can
//! listen in it by themselves.

use coder_tests::{Deployment, Outcome, free_port, wait_for};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

const MINUTE: Duration = Duration::from_secs(60);

/// `coder port-forward` as long as this lives.
pub(super) struct Forward {
    child: Child,
    log: std::path::PathBuf,
}

impl Forward {
    pub(super) fn start(deployment: &Deployment, arguments: &[&str]) -> Self {
        let log = deployment.folder().join("forward.log");
        let mut command = deployment.command();
        command
            .args(["port-forward", "dev"])
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(fs::File::create(&log).expect("a log"));
        let child = command.spawn().expect("it starts");
        let forward = Self { child, log };
        wait_for("forwarding to begin", MINUTE, || {
            forward.log().contains("Ready").then_some(())
        });
        forward
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-INT", &pid]).status();
        assert!(status.is_ok_and(|status| status.success()));
    }

    fn ended(&mut self) -> i32 {
        let status = wait_for("forwarding to end", MINUTE, || {
            self.child.try_wait().ok().flatten()
        });
        status.code().unwrap_or(255)
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service that sends back what it hears.
pub(super) fn tcp_echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut writer = socket.try_clone().expect("cloned");
                let _ = std::io::copy(&mut &socket, &mut writer);
                let _ = writer.shutdown(Shutdown::Write);
            });
        }
    });
    port
}

fn udp_echo() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("an address").port();
    thread::spawn(move || {
        let mut buffer = vec![0; 65_535];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
    port
}

pub(super) fn through(port: u16, text: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    let mut reader = stream.try_clone().expect("cloned");
    let text = text.to_vec();
    let writing = thread::spawn(move || {
        stream.write_all(&text).expect("written");
        stream.shutdown(Shutdown::Write).expect("ended");
    });
    let mut back = Vec::new();
    reader.read_to_end(&mut back).expect("read");
    writing.join().expect("written");
    back
}

/// Several ports in a row that nothing uses now.
fn free_range(length: u16) -> u16 {
    wait_for("free ports", MINUTE, || {
        let first = free_port();
        let last = first.checked_add(length)?;
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        (first..last).all(free).then_some(first)
    })
}

#[test]
fn ports_are_forwarded_and_the_end_is_told() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", MINUTE);
    let (tcp, udp, closed) = (tcp_echo(), udp_echo(), free_port());
    let (single, datagrams, nobody) = (free_port(), free_port(), free_port());
    let range = free_range(2);
    let mut forward = Forward::start(
        &deployment,
        &[
            "--tcp",
            &format!("{single}:{tcp},127.0.0.1:{nobody}:{closed}"),
            "--tcp",
            &format!("{range}-{}:{tcp}-{}", range + 1, tcp + 1),
            "--udp",
            &format!("{datagrams}:{udp}"),
        ],
    );
    let long: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7) as u8).collect();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(through(single, &long) == long));
        }
    });
    assert_eq!(through(range, b"in a range"), b"in a range");

    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
    peer.connect(("127.0.0.1", datagrams)).expect("connected");
    peer.set_read_timeout(Some(MINUTE)).expect("set");
    let mut buffer = vec![0; 65_535];
    for length in [0, 1, 1_400, 9_000, 65_507] {
        let datagram: Vec<u8> = (0..length).map(|n: usize| (n % 251) as u8).collect();
        peer.send(&datagram).expect("sent");
        let received = peer.recv(&mut buffer).expect("answered");
        assert!(buffer[..received] == datagram, "{length}");
    }

    // Who connects to a port where nothing listens sees a failure, and who forwards is told why.
    let mut refused = TcpStream::connect(("127.0.0.1", nobody)).expect("connected");
    let outcome = refused.read(&mut [0]);
    assert!(outcome.is_err(), "{outcome:?}");
    wait_for("the reason", MINUTE, || {
        forward
            .log()
            .contains(&format!("TCP port {closed} of admin/dev"))
            .then_some(())
    });

    // A port that is taken is told before anything else happens.
    let taken = deployment.coder(&["port-forward", "dev", "--tcp", &format!("{single}:{tcp}")]);
    assert!(
        taken.code == 1 && taken.stderr.contains("Choose another one"),
        "{}",
        taken.stderr
    );
    for (arguments, said) in [
        (&["port-forward", "dev"][..], "--tcp 8080"),
        (&["port-forward", "dev", "--tcp", "x"], "8080:80"),
        (&["port-forward", "gone", "--tcp", "0:80"], "no workspace"),
    ] {
        let outcome = deployment.coder(arguments);
        assert!(
            outcome.code == 1 && outcome.stderr.contains(said),
            "{}",
            outcome.stderr
        );
    }

    forward.interrupt();
    assert_eq!(forward.ended(), 0, "{}", forward.log());

    // The end of the workspace is the end of the command.
    let mut forward = Forward::start(&deployment, &["--tcp", &format!("{single}:{tcp}")]);
    deployment.must(&["stop", "dev", "--yes"]);
    assert_eq!(forward.ended(), 1);
    let log = forward.log();
    assert!(
        log.contains("was stopped") && log.contains("coder start admin/dev"),
        "{log}"
    );
    let stopped = deployment.coder(&[
        "port-forward",
        "--disable-autostart",
        "dev",
        "--tcp",
        "0:80",
    ]);
    assert!(stopped.stderr.contains("coder start"), "{}", stopped.stderr);
    // Without that flag it is started again.
    let forward = Forward::start(&deployment, &["--tcp", &format!("{single}:{tcp}")]);
    assert_eq!(through(single, b"again"), b"again");
    drop(forward);
    let ping = Outcome::of(
        deployment
            .command()
            .args(["ping", "-n", "1", "dev"])
            .output(),
    );
    assert!(
        ping.expect_success("ping")
            .contains("pong from main through 127.0.0.1")
    );
}

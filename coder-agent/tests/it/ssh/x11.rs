//! X11 forwarding (`ssh -X`), with a display that is no more than the first bytes of the protocol.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::harness::{TestServer, eventually};
use super::tools::{is_installed, output, ssh};

/// What a program sends first: little-endian, version 11.0, and its cookie.
const SETUP_LENGTH: usize = 12 + 20 + 16;

/// Listens like a display of the client's, keeps what it is sent, and answers that it is a server.
async fn display(seen: Arc<Mutex<Vec<Vec<u8>>>>) -> Option<u16> {
    for number in 50..150 {
        let Ok(listener) = TcpListener::bind(("127.0.0.1", 6000 + number)).await else {
            continue;
        };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let mut setup = [0; SETUP_LENGTH];
                    stream.read_exact(&mut setup).await.unwrap();
                    seen.lock().unwrap().push(setup.to_vec());
                    stream.write_all(b"\x01display").await.unwrap();
                    stream.read(&mut [0]).await
                });
            }
        });
        return Some(number);
    }
    None
}

/// A program of the workspace: takes its cookie from where programs look for it, and connects.
const CLIENT: &str = r#"
set -e
echo "DISPLAY=$DISPLAY"
number=${DISPLAY#localhost:}
number=${number%.*}
cookie=$(xauth list "$DISPLAY" | awk '{ print $3 }')
echo "cookie=$cookie"
hex=$(echo "$cookie" | sed 's/../\\x&/g')
exec 3<>"/dev/tcp/127.0.0.1/$((6000 + number))"
printf 'l\0\013\0\0\0\022\0\020\0\0\0MIT-MAGIC-COOKIE-1\0\0'"$hex" >&3
head -c 8 <&3 | tail -c 7
echo
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_reach_the_display() {
    if !is_installed(&["ssh", "xauth", "awk"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    let seen = Arc::default();
    let Some(number) = display(Arc::clone(&seen)).await else {
        println!("skipped: no port of a display is free");
        return;
    };
    for _ in 0..2 {
        let mut ssh = ssh(address, &["-Y"], CLIENT);
        ssh.env("DISPLAY", format!("127.0.0.1:{number}.1"))
            .env("XAUTHORITY", "/dev/null");
        let ran = output(ssh).await;
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{ran:?}");
        assert!(said.starts_with("DISPLAY=localhost:"), "{said}");
        assert!(said.lines().next().unwrap().ends_with(".1"), "{said}");
        assert!(said.ends_with("display\n"), "{said}");
        // What the workspace knows is not what the display is shown.
        let cookie = said
            .split("cookie=")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap();
        assert_eq!(cookie.len(), 32);
        let setup = seen.lock().unwrap().pop().unwrap();
        let shown: String = setup[32..]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_ne!(shown, cookie);
    }
    server.idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_that_cannot_be_written_is_no_hindrance() {
    if !is_installed(&["ssh", "xauth", "awk"]) {
        return;
    }
    let server = TestServer::new();
    let address = server.listen().await;
    // A folder in place of the file: nobody can write that, not even root.
    std::fs::create_dir(server.home.path().join(".Xauthority")).unwrap();
    let seen = Arc::default();
    let Some(number) = display(Arc::clone(&seen)).await else {
        println!("skipped: no port of a display is free");
        return;
    };
    let script = format!("{CLIENT}\necho \"file=$XAUTHORITY\"");
    let mut ssh = ssh(address, &["-Y"], &script);
    ssh.env("DISPLAY", format!("127.0.0.1:{number}"))
        .env("XAUTHORITY", "/dev/null");
    let ran = output(ssh).await;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{ran:?}");
    let file = said.split("file=").nth(1).unwrap().trim().to_owned();
    assert!(file.contains("/ssh-"), "{said}");
    server.idle().await;
    assert!(!std::path::Path::new(&file).exists());
}

#[tokio::test]
async fn odd_requests_are_refused() {
    let server = TestServer::new();
    let client = server.raw_client().await;
    let mut channel = client.channel_open_session().await.unwrap();
    for (protocol, cookie, accepted) in [
        ("MIT-MAGIC-COOKIE-1", "zz", false),
        ("a\nb", "00", false),
        ("", "", false),
        ("MIT-MAGIC-COOKIE-1", "00ff", true),
        // There is one display for a session.
        ("MIT-MAGIC-COOKIE-1", "00ff", false),
    ] {
        channel
            .request_x11(true, false, protocol, cookie, 0)
            .await
            .unwrap();
        let answer = channel.wait().await;
        assert_eq!(
            matches!(answer, Some(russh::ChannelMsg::Success)),
            accepted,
            "{protocol} {cookie}: {answer:?}"
        );
    }
    channel.close().await.unwrap();
    eventually("the display is closed", || server.server.task_count() == 0).await;
}

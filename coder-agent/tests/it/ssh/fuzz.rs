//! A client's conversation, changed at random. Seeds are told, so that a failure can be repeated.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::harness::{DEADLINE, TestServer, command, run};
use super::wire::{Message, WireClient, kexinit, log_in, msg, open, plain_packet, request};

/// The first seed, unless `CODER_FUZZ_SEED` says another one.
const SEED: u64 = 0x5ea1_ed00;

/// How long it goes on, unless `CODER_FUZZ_SECONDS` says otherwise.
const SECONDS: u64 = 5;

/// Megabytes that all the clients of a run may cost at most at a time.
const MEMORY: f64 = 150.0;

/// Steele's SplitMix64, which needs no library.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// Everything that a client may say, in an order that makes sense. The first session is called 2
/// by the server, the next 3.
fn conversation() -> Vec<Vec<u8>> {
    [
        Vec::from(log_in()),
        program(),
        files(),
        forwards(),
        endings(),
    ]
    .concat()
}

/// A session with all that it may ask for.
fn program() -> Vec<Vec<u8>> {
    vec![
        open("session", 0).0,
        request(2, "pty-req")
            .string("xterm")
            .number(80)
            .number(24)
            .number(0)
            .number(0)
            .string([1, 0, 0, 0, 3, 0])
            .0,
        request(2, "env").string("LANG").string("C").0,
        request(2, "auth-agent-req@openssh.com").0,
        request(2, "x11-req")
            .byte(0)
            .string("MIT-MAGIC-COOKIE-1")
            .string("00ff")
            .number(0)
            .0,
        request(2, "exec").string("cat").0,
        Message::new(msg::CHANNEL_DATA).number(2).string("hello").0,
        request(2, "window-change")
            .number(9)
            .number(9)
            .number(0)
            .number(0)
            .0,
        request(2, "signal").string("WINCH").0,
    ]
}

/// A session with sftp.
fn files() -> Vec<Vec<u8>> {
    let sftp = |kind: u8, fields: &[u8]| {
        let length = u32::try_from(fields.len() + 5).unwrap().to_be_bytes();
        let packet = [&length[..], &[kind, 0, 0, 0, 1], fields].concat();
        Message::new(msg::CHANNEL_DATA).number(3).string(packet).0
    };
    let name = [0, 0, 0, 1, b'f'];
    let handle = [0, 0, 0, 4, 0, 0, 0, 0];
    vec![
        open("session", 1).0,
        request(3, "subsystem").string("sftp").0,
        Message::new(msg::CHANNEL_DATA)
            .number(3)
            .string([0, 0, 0, 5, 1, 0, 0, 0, 3])
            .0,
        sftp(3, &[&name[..], &[0, 0, 0, 0x1b], &[0; 4]].concat()),
        sftp(6, &[&handle[..], &[0; 8], &name].concat()),
        sftp(5, &[&handle[..], &[0; 8], &[0, 0, 16, 0]].concat()),
        sftp(8, &handle),
        sftp(4, &handle),
        sftp(11, &[0, 0, 0, 1, b'.']),
        sftp(12, &[0, 0, 0, 4, 0, 0, 0, 1]),
        sftp(16, &name),
    ]
}

/// Ports and sockets, both ways.
fn forwards() -> Vec<Vec<u8>> {
    vec![
        Message::new(msg::GLOBAL_REQUEST)
            .string("tcpip-forward")
            .byte(1)
            .string("localhost")
            .number(0)
            .0,
        Message::new(msg::GLOBAL_REQUEST)
            .string("streamlocal-forward@openssh.com")
            .byte(1)
            .string("s")
            .0,
        open("direct-streamlocal@openssh.com", 2)
            .string("s")
            .string("")
            .number(0)
            .0,
        open("direct-tcpip", 3)
            .string("127.0.0.1")
            .number(1)
            .string("127.0.0.1")
            .number(1)
            .0,
        Message::new(msg::CHANNEL_OPEN_CONFIRMATION)
            .number(4)
            .number(9)
            .number(1000)
            .number(1000)
            .0,
    ]
}

/// New keys, and the end of everything.
fn endings() -> Vec<Vec<u8>> {
    vec![
        Message::new(msg::CHANNEL_WINDOW_ADJUST)
            .number(2)
            .number(100_000)
            .0,
        kexinit(true),
        Message::new(msg::CHANNEL_EOF).number(2).0,
        Message::new(msg::CHANNEL_CLOSE).number(2).0,
        Message::new(msg::CHANNEL_CLOSE).number(3).0,
    ]
}

/// Changes a few things about a conversation.
fn mutate(messages: &mut Vec<Vec<u8>>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(messages.len());
        match random.below(9) {
            0 => {
                messages.remove(at);
                messages.push(Vec::new());
            }
            1 => {
                let again = messages[at].clone();
                messages.insert(random.below(at + 1), again);
            }
            2 => {
                let other = random.below(messages.len());
                messages.swap(at, other);
            }
            3 => {
                let length = random.below(messages[at].len() + 1);
                messages[at].truncate(length);
            }
            4 => {
                let more = random.below(64);
                let bytes: Vec<u8> = (0..more).map(|_| random.byte()).collect();
                messages[at].extend(bytes);
            }
            5 => {
                let bytes: Vec<u8> = (0..random.below(200)).map(|_| random.byte()).collect();
                messages.insert(at, bytes);
            }
            6 => {
                let length = messages[at].len();
                if length >= 4 {
                    let place = random.below(length - 3);
                    messages[at][place..place + 4].copy_from_slice(&[0xff; 4]);
                }
            }
            _ => {
                let length = messages[at].len();
                if length > 0 {
                    messages[at][random.below(length)] = random.byte();
                }
            }
        }
    }
}

/// A handshake with a change in it; the rest of it makes no sense any more.
async fn broken_handshake(server: &TestServer, random: &mut Random) -> Outcome {
    let (mut stream, served) = server.stream();
    let mut bytes = b"SSH-2.0-wire_1.0\r\n".to_vec();
    bytes.extend(plain_packet(&kexinit(random.below(2) == 0)));
    let init = Message::new(msg::KEX_ECDH_INIT).string([9; 32]);
    bytes.extend(plain_packet(&init.0));
    bytes.extend(plain_packet(&[msg::NEWKEYS]));
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        match random.below(3) {
            0 => bytes[at] = random.byte(),
            1 => bytes.insert(at, random.byte()),
            _ => drop(bytes.remove(at)),
        }
    }
    drop(stream.write_all(&bytes).await);
    drop(stream.shutdown().await);
    drop(stream);
    timeout(DEADLINE, served).await.expect("it ends")
}

type Outcome = Result<coder_agent::Result<()>, tokio::task::JoinError>;

async fn broken_conversation(server: &TestServer, random: &mut Random) -> Outcome {
    let mut messages = conversation();
    mutate(&mut messages, random);
    let (stream, served) = server.stream();
    let client = WireClient::connect(stream, random.below(2) == 0).await;
    let mut client = client.unwrap().forget_answers();
    for message in messages {
        if client.send(&message).await.is_err() {
            break;
        }
    }
    if random.below(2) == 0 {
        drop(client.writer.shutdown().await);
    }
    drop(client);
    timeout(DEADLINE, served).await.expect("it ends")
}

fn memory(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_that_went_wrong() {
    let server = TestServer::new();
    let seed = setting("CODER_FUZZ_SEED", SEED);
    let end = Instant::now() + Duration::from_secs(setting("CODER_FUZZ_SECONDS", SECONDS));
    let before = memory("VmRSS");
    let mut rounds = 0;
    while Instant::now() < end {
        let seed = seed + rounds;
        let mut random = Random(seed);
        let outcome = if random.below(8) == 0 {
            broken_handshake(&server, &mut random).await
        } else {
            broken_conversation(&server, &mut random).await
        };
        let outcome = outcome.unwrap_or_else(|error| panic!("CODER_FUZZ_SEED={seed}: {error}"));
        let said = format!("{outcome:?}");
        assert!(!said.contains("panic"), "CODER_FUZZ_SEED={seed}: {said}");
        rounds += 1;
    }
    let grown = memory("VmHWM") - before;
    println!("seeds {seed} to {}: {grown:.1} MB at most", seed + rounds);
    assert!(grown < MEMORY, "{grown:.1} MB");
    server.idle().await;
    let client = server.client().await;
    let ran = run(&client, command("echo alive"), b"").await;
    assert_eq!(ran.text(), "alive\n");
}

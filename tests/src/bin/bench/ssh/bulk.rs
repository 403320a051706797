//! Many bytes in one direction, and what each costs.

use super::{cpu, peer::Side};
use crate::figures::versus;
use std::{
    env,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const RUNS: usize = 3;
/// Bytes of one run; `BENCH_BULK_MB` changes it.
const BYTES: u64 = 1024 * 1024 * 1024;
/// How much the agent shall have moved in the end.
const ALL_BYTES: u64 = 10_000_000_000;

#[derive(Clone, Copy)]
enum Direction {
    Down,
    Up,
}

struct Transfer {
    megabytes_per_second: f64,
    cpu_seconds_per_gigabyte: f64,
}

/// Answers how many bytes went through our side.
pub(crate) fn measure(ours: &Side, peer: Option<&Side>) -> u64 {
    let bytes = env::var("BENCH_BULK_MB")
        .ok()
        .and_then(|text| text.parse().ok());
    let bytes = bytes.map_or(BYTES, |megabytes: u64| megabytes << 20);
    for (direction, name) in [(Direction::Down, "download"), (Direction::Up, "upload")] {
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            here.push(transfer(ours, direction, bytes));
            there.extend(peer.map(|peer| transfer(peer, direction, bytes)));
        }
        let speed = |all: &[Transfer]| median(all.iter().map(|one| one.megabytes_per_second));
        let cost = |all: &[Transfer]| median(all.iter().map(|one| one.cpu_seconds_per_gigabyte));
        let what =
            format!("{name}, aes256-gcm, median of {RUNS}, MB/s (more is better, at least 0.9)");
        versus(&what, speed(&here), speed(&there), f64::NAN);
        let what = format!("{name}, CPU seconds per GB of all processes of each side");
        versus(&what, cost(&here), cost(&there), f64::NAN);
    }
    bytes * 2 * RUNS as u64
}

/// Moves what is missing.
pub(crate) fn more(side: &Side, mut moved: u64) {
    let mut direction = Direction::Down;
    while moved < ALL_BYTES {
        let bytes = BYTES.min(ALL_BYTES - moved);
        transfer(side, direction, bytes);
        moved += bytes;
        direction = match direction {
            Direction::Down => Direction::Up,
            Direction::Up => Direction::Down,
        };
    }
}

fn transfer(side: &Side, direction: Direction, bytes: u64) -> Transfer {
    cpu::reap();
    let before = cpu::used(&side.daemons);
    let begin = Instant::now();
    let zeros = format!("head -c {bytes} /dev/zero");
    match direction {
        Direction::Down => {
            let mut client = side.ssh(&zeros);
            let client = client.stdin(Stdio::null()).stdout(Stdio::piped());
            let mut client = client.spawn().expect("ssh");
            count(&mut client, bytes);
            ended(client);
        }
        Direction::Up => {
            let mut source = Command::new("sh");
            let source = source.args(["-c", &zeros]).stdout(Stdio::piped()).spawn();
            let mut source = source.expect("sh");
            let mut client = side.ssh("cat >/dev/null");
            let client = client.stdin(source.stdout.take().expect("a pipe"));
            ended(client.spawn().expect("ssh"));
            ended(source);
        }
    }
    let took = begin.elapsed();
    // Those that the client left behind end when they notice.
    std::thread::sleep(Duration::from_millis(300));
    cpu::reap();
    let used = cpu::used(&side.daemons).saturating_sub(before);
    let bytes = bytes as f64;
    Transfer {
        megabytes_per_second: bytes / 1e6 / took.as_secs_f64(),
        cpu_seconds_per_gigabyte: used.as_secs_f64() / (bytes / 1e9),
    }
}

fn count(client: &mut Child, bytes: u64) {
    let mut output = client.stdout.take().expect("a pipe");
    let mut sink = std::io::sink();
    let counted = std::io::copy(&mut output, &mut sink).expect("read");
    assert_eq!(counted, bytes);
}

fn ended(mut child: Child) {
    assert!(child.wait().expect("it ends").success());
}

fn median(all: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

//! How long small things take.

use super::peer::Side;
use crate::figures::{milliseconds, percentile, versus};
use coder_tests::{Deployment, Outcome};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const CONNECTIONS: usize = 30;
const COMMANDS: usize = 100;
const COPIES: usize = 3;
const FILES: usize = 10_000;

pub(crate) fn new_connections(ours: &Side, peer: Option<&Side>) {
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        here.push(timed(&mut ours.ssh("true")));
        there.extend(peer.map(|peer| timed(&mut peer.ssh("true"))));
    }
    let what = format!("`ssh host true`, new connection, p50 of {CONNECTIONS}, ms");
    versus(&what, half(&mut here), half(&mut there), 1.0);
}

pub(crate) fn over_one_connection(ours: &Side, peer: Option<&Side>) {
    let folder = tempfile::tempdir().expect("a folder");
    let sockets = [folder.path().join("ours"), folder.path().join("peer")];
    let sides: Vec<_> = [Some(ours), peer]
        .into_iter()
        .flatten()
        .zip(sockets)
        .collect();
    for (side, socket) in &sides {
        let mut master = side.client();
        master.args(["-M", "-N", "-f", "-S"]).arg(socket);
        let master = master.arg(side.host()).stdout(Stdio::null());
        assert!(master.status().expect("ssh").success(), "no master");
    }
    let mut times = vec![Vec::new(); 2];
    for _ in 0..COMMANDS {
        for ((side, socket), times) in sides.iter().zip(&mut times) {
            let mut command = Command::new("ssh");
            command.args(["-F", "/dev/null", "-S"]).arg(socket);
            times.push(timed(command.args([side.host(), "true"])));
        }
    }
    for (side, socket) in &sides {
        let mut exit = Command::new("ssh");
        exit.args(["-F", "/dev/null", "-O", "exit", "-S"])
            .arg(socket);
        let _ = exit.arg(side.host()).output();
    }
    let what = format!("`true` over an open connection, p50 of {COMMANDS}, ms");
    let [here, there] = times.as_mut_slice() else {
        return;
    };
    versus(&what, half(here), half(there), 1.5);
}

pub(crate) fn small_files(deployment: &Deployment, ours: &Side, peer: Option<&Side>) {
    let source = deployment.folder().join("small");
    for number in 0..FILES {
        let folder = source.join(format!("{}", number % 100));
        if number < 100 {
            fs::create_dir_all(&folder).expect("a folder");
        }
        let text = format!("{number} ").repeat(100 + number % 300);
        fs::write(folder.join(format!("{number}.txt")), text).expect("written");
    }
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for _ in 0..COPIES {
        here.push(copy(deployment, &source, ours));
        there.extend(peer.map(|peer| copy(deployment, &source, peer)));
    }
    let what = format!("rsync of {FILES} small files, median of {COPIES}, ms");
    versus(&what, half(&mut here), half(&mut there), 1.2);
}

fn copy(deployment: &Deployment, source: &Path, side: &Side) -> Duration {
    let target = deployment.folder().join("copied");
    let mut rsync = Command::new("rsync");
    rsync
        .args(["-a", "-e", &side.rsh()])
        .arg(format!("{}/", source.display()))
        .arg(format!("{}:{}/", side.host(), target.display()))
        .envs(side.environment());
    let took = timed(&mut rsync);
    let found = fs::read_dir(target.join("7")).expect("copied").count();
    assert_eq!(found, FILES / 100);
    fs::remove_dir_all(&target).expect("removed");
    took
}

fn timed(command: &mut Command) -> Duration {
    let begin = Instant::now();
    let output = command.stdin(Stdio::null()).output();
    let took = begin.elapsed();
    drop(Outcome::of(output).expect_success("the command"));
    took
}

/// The median in milliseconds; not a number for nothing.
fn half(times: &mut [Duration]) -> f64 {
    if times.is_empty() {
        return f64::NAN;
    }
    milliseconds(percentile(times, 50))
}

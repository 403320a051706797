//! The Terraform provider's process: how long until it says where it listens, and what it holds in memory.

use crate::figures::{megabytes, milliseconds, percentile, row};
use coder_tests::Deployment;
use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const RUNS: usize = 50;
/// What Terraform sets for its plugins: without it they refuse to be started by hand.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

pub(crate) fn measure(coder: &str) {
    let deployment = Deployment::start(coder);
    let provider = find(&deployment);
    let (mut times, mut memory) = (Vec::new(), 0.0_f64);
    for _ in 0..RUNS {
        let (time, size) = handshake(&provider);
        times.push(time);
        memory = memory.max(size);
    }
    let what = format!("provider's handshake, median of {RUNS}, ms");
    row(&what, milliseconds(percentile(&mut times, 50)), 5.0);
    row("provider's RSS after that, MB", memory, 8.0);
}

fn find(deployment: &Deployment) -> PathBuf {
    let cache = deployment.folder().join("cache/provider");
    let mut folders = std::fs::read_dir(cache)
        .expect("the binary carries a provider")
        .flatten();
    folders
        .next()
        .expect("one")
        .path()
        .join("terraform-provider-coder")
}

fn handshake(provider: &PathBuf) -> (Duration, f64) {
    let begin = Instant::now();
    let mut child = Command::new(provider)
        .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
        .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut line).expect("readable");
    let time = begin.elapsed();
    assert!(line.contains("|grpc"), "{line:?}");
    let size = megabytes(child.id(), "VmRSS:");
    end(&mut child);
    (time, size)
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

//! Thousands of agents on one server: what each costs it while nothing happens, and how long until all are back after
//! the server has started again. The agents are light fakes in this process: real tunnels, nothing behind them, and
//! the waits of real agents between their tries.

mod fake;
mod rows;

use crate::figures::{megabytes, row};
use coder_tests::{Deployment, wait_for};
use fake::Crowd;
use rows::Rows;
use std::{
    env,
    thread::sleep,
    time::{Duration, Instant},
};

/// `BENCH_AGENTS` changes it; with 10,000 the server needs as many file descriptors.
const AGENTS: usize = 5_000;
const PATIENCE: Duration = Duration::from_secs(300);
/// Two pings of each agent, so that what connecting needed is given back.
const REST: Duration = Duration::from_secs(40);
/// The longest wait of an agent between two tries, and a little more.
const DOWN: Duration = Duration::from_secs(12);

pub(crate) fn measure(coder: &str) {
    let count = env::var("BENCH_AGENTS")
        .ok()
        .and_then(|text| text.parse().ok());
    let count: usize = count.unwrap_or(AGENTS);
    let mut deployment = Deployment::start(coder);
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    let rows = Rows::new(&deployment);
    rows.add_agents(count);
    sleep(REST / 8);
    let before = megabytes(deployment.server_pid(), "VmRSS:");

    let crowd = Crowd::start(&deployment, count);
    let begin = Instant::now();
    let seconds = |since: Instant| since.elapsed().as_secs_f64();
    wait_for("all agents", PATIENCE, || {
        rows.all_seen_since("-infinity", count)
    });
    let what = format!("{count} new agents at once: seconds until all are noted as connected");
    row(&what, seconds(begin), 30.0);
    sleep(REST);
    let connected = megabytes(deployment.server_pid(), "VmRSS:");
    let each = (connected - before) * 1024.0 / count as f64;
    let what = format!(
        "{count} idle agents: RSS of the server for each, KB ({before:.1} MB without, {connected:.1} MB with)"
    );
    row(&what, each, 30.0);
    let load = rows.statements(Duration::from_secs(30));
    let what = format!("{count} idle agents: transactions per second");
    row(&what, load, 500.0);

    assert!(
        deployment.stop_server(Duration::from_secs(60)),
        "it stops well"
    );
    // Until every agent waits as long as it ever does between two tries.
    sleep(DOWN);
    let begin = Instant::now();
    deployment.start_server();
    let up = seconds(begin);
    let since = rows.now();
    wait_for("all agents again", PATIENCE, || {
        rows.all_seen_since(&since, count)
    });
    let what = format!(
        "{count} agents after a restart: seconds until all are back (the server answered after {up:.1})"
    );
    row(&what, seconds(begin), 30.0);
    drop(crowd);
}

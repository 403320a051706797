//! What an agent does not open, and readers of logs who take their time.

use coder_tests::{Deployment, poll};
use std::{
    collections::HashSet,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

const AGENT: Duration = Duration::from_secs(60);
/// Readers that do not read, and what each may cost the server. `docs/reliability.md` has the figure of 500.
const READERS: u64 = 100;
const KIB_EACH: u64 = 64;

/// Inodes of the sockets that a process has open.
fn sockets(pid: u32) -> HashSet<String> {
    let open = fs::read_dir(format!("/proc/{pid}/fd"));
    let targets = open.into_iter().flatten().flatten();
    let targets = targets.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets
        .filter_map(|target| {
            let name = target.to_str()?.strip_prefix("socket:[")?;
            Some(name.strip_suffix(']')?.to_owned())
        })
        .collect()
}

/// Inodes of sockets of this network that others may connect or send to: listening TCP, bound UDP.
fn reachable(network: &str) -> HashSet<String> {
    let state = if network.starts_with("tcp") {
        "0A"
    } else {
        "07"
    };
    let table = fs::read_to_string(format!("/proc/net/{network}")).unwrap_or_default();
    let rows = table.lines().skip(1).map(str::split_whitespace);
    let rows = rows.map(Iterator::collect::<Vec<_>>);
    rows.filter(|row| row.get(3) == Some(&state))
        .filter_map(|row| row.get(9).map(|inode| (*inode).to_owned()))
        .collect()
}

#[test]
fn an_agent_listens_nowhere() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", AGENT);
    assert_eq!(deployment.must(&["ssh", "dev", "echo there"]), "there\n");
    let processes = deployment.processes();
    let agents = processes
        .iter()
        .filter(|(_, command)| command.contains("/coder agent"));
    let held: HashSet<_> = agents.flat_map(|(pid, _)| sockets(*pid)).collect();
    assert!(!held.is_empty(), "an agent has a connection: {processes:?}");
    // The server is found by the same means, so they work.
    let open = reachable("tcp");
    assert!(!open.is_disjoint(&sockets(deployment.server_pid())));
    for network in ["tcp", "tcp6", "udp", "udp6"] {
        let open = reachable(network);
        let ours: Vec<_> = held.intersection(&open).collect();
        assert!(ours.is_empty(), "{network}: {ours:?}");
    }
}

/// Asks for the log of an agent as it grows, and reads no further than the answer's first byte.
fn follow(deployment: &Deployment, agent: &str) -> TcpStream {
    let address = deployment.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).expect("a connection");
    let request = format!(
        "GET /api/v2/workspaceagents/{agent}/logs?follow=true&after=0 HTTP/1.1\r\nHost: {address}\r\n\
         Coder-Session-Token: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n",
        deployment.token()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("an answer");
    assert_eq!(status, *b"HTTP/1.1 101");
    stream
}

#[test]
fn readers_of_logs_that_do_not_read_cost_little_and_hinder_nobody() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    let lines = "seq 20000 | sed 's/$/ some words of a line that is long/'; echo the end";
    let template = format!(
        "{}\n{}",
        super::scripts::local_template(),
        super::scripts::script("talk", "run_on_start = true", lines)
    );
    drop(deployment.push("talk", &template).expect_success("push"));
    deployment.must(&["create", "dev", "--template", "talk", "--yes"]);
    deployment.must(&["ssh", "--wait", "yes", "dev", "true"]);
    let agent = super::terminals::agent_of(&deployment);
    // What a first reader needs is no cost of the others.
    drop(follow(&deployment, &agent));
    deployment.must(&["logs", "dev"]);
    let before = super::scripts::memory(&deployment, "VmRSS:");
    let readers: Vec<_> = (0..READERS).map(|_| follow(&deployment, &agent)).collect();
    let logs = poll(AGENT, || {
        let logs = deployment.must(&["logs", "dev"]);
        logs.contains("the end").then_some(logs)
    });
    assert!(logs.is_some(), "a reader who reads has it all");
    let grown = super::scripts::memory(&deployment, "VmRSS:").saturating_sub(before);
    eprintln!("{READERS} readers cost the server {grown} KiB");
    // Some MiB come and go by themselves.
    assert!(grown <= READERS * KIB_EACH + 4_096, "{grown} KiB");
    drop(readers);
}

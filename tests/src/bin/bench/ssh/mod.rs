//! SSH and tunnelled streams: an OpenSSH client on a workspace through the server, beside the same client on an sshd of
//! this machine, in the same run and with the same shell, home, key exchange and cipher.

mod bulk;
mod cpu;
mod latency;
mod peer;
mod stream;

use crate::figures::{megabytes, row};
use coder_tests::{Deployment, wait_for};
use peer::Side;
use std::{thread::sleep, time::Duration};

/// Key exchange and cipher of both sides. OpenSSH's own first key exchange alone costs more than all the rest.
const KEX: &str = "curve25519-sha256";
const CIPHER: &str = "aes256-gcm@openssh.com";

const PATIENCE: Duration = Duration::from_secs(60);
/// How long after the last connection memory is read.
const REST: Duration = Duration::from_secs(5);

pub(crate) fn measure(coder: &str) {
    cpu::adopt_orphans();
    let deployment = Deployment::start(coder);
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.must(&["ssh", "--wait", "yes", "dev", "true"]);
    let (supervisor, agent) = agent(&deployment);
    sleep(REST);
    row("agent, idle, RSS in MB", megabytes(agent, "VmRSS:"), 8.0);
    let what = "supervisor of the agent, RSS in MB";
    row(what, megabytes(supervisor, "VmRSS:"), 8.0);
    row(
        "server, idle, RSS in MB without PostgreSQL",
        megabytes(deployment.server_pid(), "VmRSS:"),
        100.0,
    );
    let ours = Side::ours(&deployment, vec![deployment.server_pid(), agent]);
    let sshd = peer::Sshd::start(&deployment);
    if sshd.is_none() {
        println!("skipped the comparison with sshd: apt-get install openssh-server");
    }
    let peer = sshd.as_ref().map(|sshd| sshd.side(&deployment));
    latency::new_connections(&ours, peer.as_ref());
    latency::over_one_connection(&ours, peer.as_ref());
    latency::small_files(&deployment, &ours, peer.as_ref());
    stream::measure(&deployment);
    let moved = bulk::measure(&ours, peer.as_ref());
    bulk::more(&ours, moved);
    sleep(REST);
    let what = "agent, after 10 GB moved by SSH, RSS in MB";
    row(what, megabytes(agent, "VmRSS:"), 16.0);
    deployment.must(&["delete", "dev", "--yes"]);
}

/// The process that watches over the agent, and the agent.
fn agent(deployment: &Deployment) -> (u32, u32) {
    wait_for("the agent's processes", PATIENCE, || {
        let mut all = deployment.processes();
        all.retain(|(_, command)| {
            let mut words = command.split_whitespace();
            words.next().is_some_and(|word| word.contains("coder")) && words.next() == Some("agent")
        });
        match all.as_slice() {
            [(supervisor, _), (agent, _)] => Some((*supervisor, *agent)),
            _ => None,
        }
    })
}

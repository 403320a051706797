//! CPU time of everything that takes part in a transfer: on few cores that all share, it decides.

use std::{fs, time::Duration};

/// What `/proc` counts in.
const TICKS_PER_SECOND: f64 = 100.0;

/// From now on processes whose parent has gone are this one's children, so that the ProxyCommand that an ssh client
/// leaves behind is counted.
pub(crate) fn adopt_orphans() {
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own)).expect("it may");
}

/// CPU time used so far by these processes, by this one, and by all their children that have ended.
pub(crate) fn used(daemons: &[u32]) -> Duration {
    let own = std::process::id();
    let all = daemons.iter().chain([&own]);
    all.map(|&pid| of(pid)).sum()
}

/// Waits for adopted processes that have ended.
pub(crate) fn reap() {
    let options = rustix::process::WaitOptions::NOHANG;
    while let Ok(Some(_)) = rustix::process::wait(options) {}
}

fn of(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may hold spaces; what follows it does not.
    let Some((_, rest)) = stat.rsplit_once(')') else {
        return Duration::ZERO;
    };
    let times = rest.split_whitespace().skip(11).take(4);
    let ticks: f64 = times.map(|ticks| ticks.parse().unwrap_or(0.0)).sum();
    Duration::from_secs_f64(ticks / TICKS_PER_SECOND)
}

//! Figures of a series, and rows of the table.

use std::time::Duration;

/// The smallest that at least `percent` of all do not exceed.
pub(crate) fn percentile(all: &mut [Duration], percent: usize) -> Duration {
    all.sort_unstable();
    let place = (all.len() * percent).div_ceil(100).max(1) - 1;
    all[place]
}

/// A row with a limit.
pub(crate) fn row(what: &str, measured: f64, limit: f64) {
    let ratio = measured / limit;
    println!("| {what} | {measured:.1} | {limit} | {ratio:.2} |");
}

/// A row with a peer, and what the ratio may be at most; not a number where more is better.
pub(crate) fn versus(what: &str, ours: f64, peer: f64, limit: f64) {
    let ratio = ours / peer;
    let limit = if limit.is_nan() {
        String::new()
    } else {
        format!(" (limit {limit} of sshd)")
    };
    println!("| {what}{limit} | {ours:.2} | {peer:.2} | {ratio:.2} |");
}

/// Milliseconds with fractions.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A line such as `VmHWM` of a process's status, in MB.
pub(crate) fn megabytes(pid: u32, line: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let found = status.lines().find_map(|found| found.strip_prefix(line));
    let number = found.and_then(|rest| {
        rest.trim_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .ok()
    });
    let kilobytes: f64 = number.expect("a size");
    kilobytes / 1024.0
}

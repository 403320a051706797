//! Processes, found and ended without ever meeting another one.

use super::state::{Process, ProcessId};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{process::Command, time::sleep};
use uuid::Uuid;

/// The variable that marks the processes of a workspace.
const MARKER: &str = "CODER_PROCESS_MARKER";
/// What workspaces see of this program's environment.
const PASSED_ON: &[&str] = &["HOME", "LANG", "PATH", "TMPDIR", "USER"];
/// Time that a process gets to end by itself.
const GRACE: Duration = Duration::from_secs(10);
/// Time that the kernel gets to end it.
const KILL: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// A program in a process group of its own, with a clean environment and the marker in it.
pub(super) fn command(program: impl AsRef<OsStr>, marker: Uuid) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).process_group(0);
    let passed_on = PASSED_ON
        .iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    command.envs(passed_on).env(MARKER, marker.to_string());
    command
}

/// The identity of a process that runs.
pub(super) fn identify(pid: u32) -> Option<ProcessId> {
    let pid = i32::try_from(pid).ok()?;
    Some(ProcessId {
        pid,
        started: started(pid)?,
    })
}

/// Ends a process and all that it has started: asks it first, then gives no choice.
pub(super) async fn end(process: &Process) {
    let marker = process.marker;
    let runs = |id: &ProcessId| started(id.pid) == Some(id.started) && is_marked(id.pid, marker);
    if let Some(id) = process.id.filter(runs) {
        signal(id.pid, marker, Signal::TERM);
        let begin = Instant::now();
        while runs(&id) && begin.elapsed() < GRACE {
            sleep(PAUSE).await;
        }
    }
    kill_all(marker).await;
}

/// Ends everything with a marker.
pub(super) async fn kill_all(marker: Uuid) {
    let begin = Instant::now();
    loop {
        let left = marked(marker);
        if left.is_empty() || begin.elapsed() > KILL {
            return;
        }
        for pid in left {
            signal(pid, marker, Signal::KILL);
        }
        sleep(PAUSE).await;
    }
}

/// Sends a signal to a process that has the marker. The pidfd is opened first: should the id be given to another
/// process meanwhile, the signal goes nowhere.
fn signal(pid: i32, marker: Uuid, signal: Signal) {
    let Some(process) = Pid::from_raw(pid) else {
        return;
    };
    if let Ok(fd) = pidfd_open(process, PidfdFlags::empty())
        && is_marked(pid, marker)
    {
        // It may have ended by itself.
        let _ = pidfd_send_signal(fd, signal);
    }
}

fn marked(marker: Uuid) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| is_marked(*pid, marker))
        .collect()
}

/// Whether a process has the marker. One that has ended has no environment any more.
fn is_marked(pid: i32, marker: Uuid) -> bool {
    let expected = format!("{MARKER}={marker}");
    let environment = fs::read(Path::new("/proc").join(pid.to_string()).join("environ"));
    environment.is_ok_and(|variables| {
        variables
            .split(|byte| *byte == 0)
            .any(|variable| variable == expected.as_bytes())
    })
}

/// The 22nd field of `/proc/<pid>/stat`; the second one, the name in parentheses, may contain anything.
fn started(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_has_the_marker_is_ended() {
        let (ours, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let start = |marker| {
            command("sleep", marker)
                .arg("60")
                .kill_on_drop(true)
                .spawn()
        };
        let (mut mine, mut foreign) = (start(ours).expect("sleep"), start(other).expect("sleep"));
        // As if the id of a process that ended had been given to somebody else's.
        let recycled = identify(foreign.id().expect("it runs"));
        end(&Process {
            marker: ours,
            id: recycled,
        })
        .await;
        assert!(
            mine.wait().await.expect("ended").code().is_none(),
            "ended by a signal"
        );
        assert_eq!(foreign.try_wait().expect("asked"), None, "still there");
        foreign.kill().await.expect("ended");
        assert_eq!(marked(other), Vec::<i32>::new());
    }
}

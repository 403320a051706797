//! What an earlier server left behind in the data directory.

use std::{fs, io, path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{PostgresError, error::IoContext};

/// How long a PostgreSQL may take to stop after each signal.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Makes `data` free to be started.
///
/// A PostgreSQL that still runs on it is stopped. A `postmaster.pid` whose process number now
/// belongs to another program, or to a dead process that nobody has collected, is removed, since
/// PostgreSQL would refuse to start because of it. One whose process is gone is left: PostgreSQL
/// replaces it after checks of its own.
///
/// The caller holds the lock of the directory, so nobody else starts or stops this PostgreSQL.
pub(crate) async fn clear(data: &Path, socket_dir: &Path) -> Result<(), PostgresError> {
    let Some(pid) = read_pid(data)? else {
        return Ok(());
    };
    if is_gone(pid) {
        tracing::info!("PostgreSQL was not stopped cleanly last time");
        return Ok(());
    }
    match runs_on(pid, data) {
        Some(true) => {
            tracing::info!(%pid, "stopping a PostgreSQL that was left running");
            stop(pid).await
        }
        Some(false) => {
            tracing::info!(%pid, "removing a stale postmaster.pid");
            remove(&data.join("postmaster.pid"))?;
            remove(&socket_dir.join(".s.PGSQL.5432.lock"))
        }
        // Somebody else's process: PostgreSQL, which has the rights of its own account, decides.
        None => Ok(()),
    }
}

/// The first line of `postmaster.pid`.
fn read_pid(data: &Path) -> Result<Option<Pid>, PostgresError> {
    let path = data.join("postmaster.pid");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).during(|| format!("read {}", path.display())),
    };
    let pid = text
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok())
        .and_then(Pid::from_raw);
    if pid.is_none() {
        // A crash of the machine can leave an empty file, which PostgreSQL refuses.
        remove(&path)?;
    }
    Ok(pid)
}

/// Whether a process is the PostgreSQL of a data directory, which it has as its working directory.
/// None where this cannot be known.
fn runs_on(pid: Pid, data: &Path) -> Option<bool> {
    if is_zombie(pid) {
        return Some(false);
    }
    let working_dir = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    Some(working_dir == data.canonicalize().ok()?)
}

/// Whether a process has ended without being waited for, which lasts where the first process of a
/// container collects nothing.
fn is_zombie(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name, which is in parentheses and may itself contain some.
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

async fn stop(pid: Pid) -> Result<(), PostgresError> {
    for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
        if kill_process(pid, signal).is_err() {
            return Ok(());
        }
        let deadline = tokio::time::Instant::now() + STOP_TIMEOUT;
        while tokio::time::Instant::now() < deadline {
            if is_gone(pid) || is_zombie(pid) {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Err(PostgresError::NotStopped {
        pid: pid.as_raw_nonzero().get().unsigned_abs(),
    })
}

/// Whether no process has this number.
fn is_gone(pid: Pid) -> bool {
    test_kill_process(pid) == Err(rustix::io::Errno::SRCH)
}

fn remove(path: &Path) -> Result<(), PostgresError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).during(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

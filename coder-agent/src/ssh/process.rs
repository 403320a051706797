use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

/// How long processes may take to end after the agent hung up on them.
const HANGUP_GRACE: Duration = Duration::from_secs(2);

/// A process that leads its process group.
pub(crate) struct Process {
    child: Child,
    group: Group,
}

/// The group of a process, for sending signals.
pub(crate) struct Group {
    id: Option<Pid>,
    /// Once the process was waited for its id may come to mean another one.
    reaped: AtomicBool,
}

impl Process {
    /// Takes charge of a child that leads its process group.
    pub(crate) fn new(child: Child) -> Self {
        let id = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Self {
            child,
            group: Group {
                id,
                reaped: AtomicBool::new(false),
            },
        }
    }

    pub(crate) fn parts(&mut self) -> (&mut Child, &Group) {
        (&mut self.child, &self.group)
    }

    /// Waits for the process after its session has gone: it may go on by itself, but not longer
    /// than the agent.
    pub(crate) async fn outlive_session(mut self, closing: &CancellationToken) {
        tokio::select! {
            _ = wait(&mut self.child, &self.group) => return,
            () = closing.cancelled() => {}
        }
        self.group.signal(Signal::HUP);
        self.group.signal(Signal::CONT);
        let ended = tokio::time::timeout(HANGUP_GRACE, wait(&mut self.child, &self.group)).await;
        if ended.is_err() {
            self.group.signal(Signal::KILL);
            drop(wait(&mut self.child, &self.group).await);
        }
    }
}

impl Group {
    /// Sends a signal to all processes of the group.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(id) = self.id
            && !self.reaped.load(Ordering::Acquire)
        {
            // A group that has ended is not an error.
            let _ = kill_process_group(id, signal);
        }
    }
}

/// Waits for the process and makes its id unusable.
pub(crate) async fn wait(child: &mut Child, group: &Group) -> io::Result<ExitStatus> {
    let status = child.wait().await;
    group.reaped.store(true, Ordering::Release);
    status
}

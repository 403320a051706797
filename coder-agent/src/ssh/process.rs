use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::platform::process::{self, Signal};

/// How long processes may take to end after the agent hung up on them.
const HANGUP_GRACE: Duration = Duration::from_secs(2);

/// A process that was started here and leads its process group.
pub(crate) trait Child: Send {
    /// The group it leads.
    fn group(&self) -> process::Group;

    /// Waits for its end.
    fn wait(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + Send;
}

/// A process that leads its process group.
pub(crate) struct Process<C> {
    child: C,
    group: Group,
}

/// The group of a process, for sending signals.
pub(crate) struct Group {
    group: process::Group,
    /// Once the process was waited for its id may come to mean another one.
    reaped: AtomicBool,
}

impl Child for tokio::process::Child {
    fn group(&self) -> process::Group {
        process::Group::of(self)
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.wait().await
    }
}

impl<C: Child> Process<C> {
    /// Takes charge of a child.
    pub(crate) fn new(child: C) -> Self {
        Self {
            group: Group {
                group: child.group(),
                reaped: AtomicBool::new(false),
            },
            child,
        }
    }

    pub(crate) fn parts(&mut self) -> (&mut C, &Group) {
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
        if !self.reaped.load(Ordering::Acquire) {
            self.group.signal(signal);
        }
    }
}

/// Waits for the process and makes its id unusable.
pub(crate) async fn wait(child: &mut impl Child, group: &Group) -> io::Result<ExitStatus> {
    let status = child.wait().await;
    group.reaped.store(true, Ordering::Release);
    status
}

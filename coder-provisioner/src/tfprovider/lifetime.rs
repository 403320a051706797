//! The provider ends with Terraform, whatever happens to Terraform.
//!
//! Once connected, the end of the connection is the sign. Before that, and for good measure after,
//! the system tells when the parent is gone.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that concern the provider.
pub(super) struct Lifetime {
    parent: Option<rustix::process::Pid>,
    parent_died: Signal,
    terminate: Signal,
    /// Held so that it has no effect: Terraform gets the same and lets its work end in order.
    _interrupt: Signal,
}

impl Lifetime {
    /// Starts to watch.
    ///
    /// # Errors
    /// When a signal handler cannot be installed.
    pub(super) fn watch() -> io::Result<Self> {
        let parent = rustix::process::getppid();
        let lifetime = Self {
            parent,
            parent_died: signal(SignalKind::user_defined1())?,
            terminate: signal(SignalKind::terminate())?,
            _interrupt: signal(SignalKind::interrupt())?,
        };
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::USR1))?;
        Ok(lifetime)
    }

    /// Returns when the provider must end.
    pub(super) async fn ended(&mut self) {
        loop {
            // The parent may have died before its death was watched. The signal also comes when
            // only the thread that started us ends, which means nothing.
            if rustix::process::getppid() != self.parent {
                return;
            }
            tokio::select! {
                _ = self.parent_died.recv() => (),
                _ = self.terminate.recv() => return,
            }
        }
    }
}

//! Settings of the daemon.

use std::time::Duration;

/// Settings of a [`super::Daemon`].
#[derive(Debug, Clone)]
pub struct DaemonOptions {
    /// Jobs that run at the same time; at least one. Default 3, the number of built-in daemons.
    pub max_jobs: usize,
    /// Longest time between two updates of a job. Default 5 s.
    pub update_interval: Duration,
    /// Longest time a log line waits for others before it is sent. Default 250 ms.
    pub log_flush_interval: Duration,
    /// Time between two signs of life of the daemon itself. Default 60 s.
    pub heartbeat_interval: Duration,
    /// Longest time one call to the server may take. Default 30 s.
    pub rpc_timeout: Duration,
    /// How long a cancelled job may take to end by itself before it is dropped. Default 10 min.
    pub force_cancel_interval: Duration,
    /// How long the server may be out of reach before a running job is cancelled. Default 20 s.
    pub unreachable_timeout: Duration,
    /// How long the job may take to end after that before it is dropped. Both together must stay below the 30 s after
    /// which the server gives a job up, or two daemons could work on one workspace. Default 8 s.
    pub unreachable_grace: Duration,
    /// How long running jobs may go on after shutdown was asked for before they are cancelled.
    /// Default 10 min.
    pub shutdown_grace: Duration,
}

impl Default for DaemonOptions {
    fn default() -> Self {
        Self {
            max_jobs: 3,
            update_interval: Duration::from_secs(5),
            log_flush_interval: Duration::from_millis(250),
            heartbeat_interval: Duration::from_secs(60),
            rpc_timeout: Duration::from_secs(30),
            force_cancel_interval: Duration::from_secs(600),
            unreachable_timeout: Duration::from_secs(20),
            unreachable_grace: Duration::from_secs(8),
            shutdown_grace: Duration::from_secs(600),
        }
    }
}

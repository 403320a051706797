//! The provisioner daemon: takes jobs from the server and carries them out.
//!
//! | file | what it does |
//! |---|---|
//! | `run` | acquires jobs, up to the limit, until shut down |
//! | `job` | supervises one job: cancel, force, panic, final report |
//! | `execute` | the steps of each kind of job |
//! | `pump` | sends logs, snapshots and signs of life; hears of cancels |
//! | `logs` | bounds a job's log |
//! | `context` | what the job's work and its pump share |
//! | `recover` | hands in what killed daemons left behind |
//! | `backoff` | pauses between retries |

mod backoff;
mod context;
mod execute;
mod job;
mod logs;
mod options;
mod pump;
mod recover;
mod run;

pub use options::DaemonOptions;
pub use run::Daemon;

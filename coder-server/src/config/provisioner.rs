//! Built-in daemons and their jobs.

use super::{parse_duration, secret};
use chrono::TimeDelta;
use coder_core::{provisioner_job::ProvisionerType, secret::Secret};

/// Built-in daemons and their jobs.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct ProvisionerConfig {
    /// Daemons that run in this process.
    #[arg(long, env = "CODER_PROVISIONER_DAEMONS", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub provisioner_daemons: u32,
    /// What the built-in daemons can run: terraform, echo. The latter answers what its template says, for tests.
    #[arg(
        long,
        env = "CODER_PROVISIONER_TYPES",
        value_delimiter = ',',
        default_value = "terraform",
        value_name = "TYPE"
    )]
    pub provisioner_types: Vec<ProvisionerType>,
    /// How often a daemon asks for work when nothing wakes it.
    #[arg(long, env = "CODER_PROVISIONER_DAEMON_POLL_INTERVAL", default_value = "1s", value_parser = parse_duration)]
    pub provisioner_daemon_poll_interval: TimeDelta,
    /// A secret with which daemons in other processes join the default organization.
    #[arg(long, env = "CODER_PROVISIONER_DAEMON_PSK", hide_env_values = true, value_name = "SECRET",
          value_parser = secret)]
    pub provisioner_daemon_psk: Option<Secret>,
    /// How long a cancelled job may take to stop.
    #[arg(long, env = "CODER_PROVISIONER_FORCE_CANCEL_INTERVAL", default_value = "10m0s", value_parser = parse_duration)]
    pub provisioner_force_cancel_interval: TimeDelta,
    /// How often jobs without a sign of life are looked for.
    #[arg(long, env = "CODER_JOB_HANG_DETECTOR_INTERVAL", default_value = "1m0s", value_parser = parse_duration)]
    pub job_hang_detector_interval: TimeDelta,
}

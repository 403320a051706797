//! Built-in daemons and their jobs.

use super::{parse_duration, secret};
use chrono::TimeDelta;
use clap::builder::BoolishValueParser;
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
    /// Ignored: jobs are waited for, not polled.
    #[arg(long, hide = true, env = "CODER_PROVISIONER_DAEMON_POLL_INTERVAL", default_value = "1s", value_parser = parse_duration)]
    pub provisioner_daemon_poll_interval: TimeDelta,
    /// A secret with which daemons in other processes join the default organization.
    #[arg(long, env = "CODER_PROVISIONER_DAEMON_PSK", hide_env_values = true, value_name = "SECRET",
          value_parser = secret)]
    pub provisioner_daemon_psk: Option<Secret>,
    /// How long a cancelled job may take to stop.
    #[arg(long, env = "CODER_PROVISIONER_FORCE_CANCEL_INTERVAL", default_value = "10m0s", value_parser = parse_duration)]
    pub provisioner_force_cancel_interval: TimeDelta,
    /// Let administrators of the deployment ask for Terraform's debug logs of a build, which can hold secrets of the
    /// template.
    #[arg(long, env = "CODER_ENABLE_TERRAFORM_DEBUG_MODE", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub enable_terraform_debug_mode: bool,
    /// Ignored: jobs without a sign of life are looked for every 10 s.
    #[arg(long, hide = true, env = "CODER_JOB_HANG_DETECTOR_INTERVAL", default_value = "1m0s", value_parser = parse_duration)]
    pub job_hang_detector_interval: TimeDelta,
}

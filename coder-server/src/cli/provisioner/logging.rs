//! Where a daemon's own log goes.

use crate::{config::IntrospectionConfig, telemetry};

/// Filters unless the flags say otherwise.
const DETAILED: &str = "warn,coder_server=debug,coder_core=debug,coder_provisioner=debug";

/// Where a daemon's own log goes.
#[derive(clap::Args)]
pub(super) struct LogArgs {
    /// Where the log for people goes; empty for nowhere.
    #[arg(
        long,
        env = "CODER_PROVISIONER_DAEMON_LOGGING_HUMAN",
        default_value = "/dev/stderr"
    )]
    log_human: String,
    /// Where the log for machines goes; empty for nowhere.
    #[arg(
        long,
        env = "CODER_PROVISIONER_DAEMON_LOGGING_JSON",
        default_value = "",
        hide_default_value = true
    )]
    log_json: String,
    /// Which parts log how much, such as `info` or `coder_provisioner=debug`.
    #[arg(
        short = 'l',
        long,
        env = "CODER_PROVISIONER_DAEMON_LOG_FILTER",
        value_delimiter = ','
    )]
    log_filter: Vec<String>,
}

impl LogArgs {
    /// Begins to log.
    pub(super) fn begin(self, verbose: bool) -> std::io::Result<()> {
        let mut log_filter = self.log_filter;
        if verbose && log_filter.is_empty() {
            log_filter.push(DETAILED.to_owned());
        }
        telemetry::init(&IntrospectionConfig {
            log_filter,
            log_human: self.log_human,
            log_json: self.log_json,
            prometheus_enable: false,
            prometheus_address: String::new(),
        })
    }
}

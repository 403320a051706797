//! Logs and metrics.

use clap::builder::BoolishValueParser;

/// Logs and metrics.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct IntrospectionConfig {
    /// Which parts log how much, such as `info` or `coder_server=debug`.
    #[arg(short = 'l', long, env = "CODER_LOG_FILTER", value_delimiter = ',')]
    pub log_filter: Vec<String>,
    /// Where the log for people goes; empty for nowhere.
    #[arg(long, env = "CODER_LOGGING_HUMAN", default_value = "/dev/stderr")]
    pub log_human: String,
    /// Where the log for machines goes; empty for nowhere.
    #[arg(
        long,
        env = "CODER_LOGGING_JSON",
        default_value = "",
        hide_default_value = true
    )]
    pub log_json: String,
    /// Serve metrics.
    #[arg(long, env = "CODER_PROMETHEUS_ENABLE", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub prometheus_enable: bool,
    /// The address to serve metrics on.
    #[arg(
        long,
        env = "CODER_PROMETHEUS_ADDRESS",
        default_value = "127.0.0.1:2112",
        value_name = "HOST:PORT"
    )]
    pub prometheus_address: String,
}

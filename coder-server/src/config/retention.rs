//! How long is kept what grows.

use super::parse_duration;
use chrono::TimeDelta;

/// How long is kept what grows; 0 for ever.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct RetentionConfig {
    /// How long logs of agents are kept after a newer build of their workspace.
    #[arg(long, env = "CODER_WORKSPACE_AGENT_LOGS_RETENTION", default_value = "7d", value_parser = parse_duration)]
    pub workspace_agent_logs_retention: TimeDelta,
    /// How long it is kept who was connected to workspaces.
    #[arg(long, env = "CODER_CONNECTION_LOGS_RETENTION", default_value = "90d", value_parser = parse_duration)]
    pub connection_logs_retention: TimeDelta,
}

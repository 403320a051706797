use super::Reconciler;
use crate::config::RetentionConfig;
use async_trait::async_trait;
use chrono::TimeDelta;
use coder_core::{
    Error,
    service::{Deps, agents::Agents, connection_logs::ConnectionLogs},
};
use std::time::Duration;

/// Nothing that is kept for days is urgent.
const PERIOD: Duration = Duration::from_secs(10 * 60);
/// How long raw reports of use are kept, in days.
const STATS_DAYS: i64 = 30;

/// Removes what has been kept for long enough.
#[derive(Debug)]
pub struct Retention {
    agents: Agents,
    connections: ConnectionLogs,
    config: RetentionConfig,
}

impl Retention {
    /// Over `deps`.
    #[must_use]
    pub fn new(deps: Deps, config: RetentionConfig) -> Self {
        Self {
            agents: Agents::new(deps.clone()),
            connections: ConnectionLogs::new(deps),
            config,
        }
    }
}

#[async_trait]
impl Reconciler for Retention {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn period(&self) -> Duration {
        PERIOD
    }

    async fn reconcile(&self) -> Result<(), Error> {
        let kept = self.config.workspace_agent_logs_retention;
        if kept > TimeDelta::zero() {
            let agents = self.agents.forget_old_logs(kept).await?;
            if agents > 0 {
                tracing::info!(agents, "old agent logs were removed");
            }
        }
        let kept = self.config.connection_logs_retention;
        if kept > TimeDelta::zero() {
            let entries = self.connections.forget_old(kept).await?;
            if entries > 0 {
                tracing::info!(entries, "old entries of the connection log were removed");
            }
        }
        let reports = self
            .agents
            .forget_old_stats(TimeDelta::days(STATS_DAYS))
            .await?;
        if reports > 0 {
            tracing::info!(reports, "old agent stats were removed");
        }
        Ok(())
    }
}

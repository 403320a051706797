use super::{Agents, announce};
use crate::{
    Error, Result,
    resource_monitor::{DATAPOINTS, ResourceMonitor, ResourceUsage},
    service::unit::settle,
    store::AgentOwner,
};
use std::collections::BTreeMap;

/// What an agent measured at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageDatapoint {
    /// The memory, if it could be measured.
    pub memory: Option<ResourceUsage>,
    /// Volumes that could be measured, by folder.
    pub volumes: BTreeMap<String, ResourceUsage>,
}

impl Agents {
    /// The monitors of an agent.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn resource_monitors(&self, owner: &AgentOwner) -> Result<Vec<ResourceMonitor>> {
        let mut tx = self.deps.begin().await?;
        let found = tx
            .workspace_agents()
            .resource_monitors(owner.agent.id)
            .await;
        settle(tx, found.map_err(Into::into)).await
    }

    /// Takes measurements of monitored resources, the oldest first, and answers the monitors that raise an alarm: their
    /// resource has been used more than their threshold allows for a while.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for too many measurements.
    pub async fn report_resource_usage(
        &self,
        owner: &AgentOwner,
        datapoints: &[UsageDatapoint],
    ) -> Result<Vec<ResourceMonitor>> {
        if datapoints.len() > DATAPOINTS {
            return Err(Error::invalid_field("datapoints", "has too many entries"));
        }
        let now = self.deps.now();
        let mut tx = self.deps.begin().await?;
        let noted = async {
            let tx = tx.as_mut();
            let monitors = tx
                .workspace_agents()
                .resource_monitors(owner.agent.id)
                .await?;
            let mut alarms = Vec::new();
            for before in monitors {
                let mut monitor = before.clone();
                let usage: Vec<_> = datapoints.iter().map(|one| one.of(&monitor)).collect();
                if monitor.observe(&usage, now) {
                    alarms.push(monitor.clone());
                }
                if monitor != before {
                    tx.workspace_agents().set_resource_monitor(&monitor).await?;
                }
            }
            if !alarms.is_empty() {
                announce(tx, &owner.workspace).await?;
            }
            Ok(alarms)
        };
        let noted = noted.await;
        settle(tx, noted).await
    }
}

impl UsageDatapoint {
    fn of(&self, monitor: &ResourceMonitor) -> Option<ResourceUsage> {
        match &monitor.volume {
            Some(volume) => self.volumes.get(volume).copied(),
            None => self.memory,
        }
    }
}

use super::Agents;
use crate::{
    Error, Result,
    event::Event,
    id::WorkspaceAgentId,
    log_line,
    service::unit::settle,
    workspace_agent::{MAX_METADATA_BYTES, MAX_METADATA_KEYS_BYTES, MetadataUpdate},
};
use std::collections::BTreeSet;

/// Most values of one report.
const MAX_VALUES: usize = 256;

impl Agents {
    /// Checks what an agent measured, and makes it fit to be stored and shown: values and errors are cleaned and cut to
    /// [`MAX_METADATA_BYTES`]. Nothing is stored.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for too many values, or keys that are together longer than
    /// [`MAX_METADATA_KEYS_BYTES`].
    pub fn check_metadata(&self, updates: Vec<MetadataUpdate>) -> Result<Vec<MetadataUpdate>> {
        let keys = updates.iter().map(|update| update.key.len());
        if updates.len() > MAX_VALUES || keys.sum::<usize>() > MAX_METADATA_KEYS_BYTES {
            return Err(Error::invalid_field("metadata", "has too many entries"));
        }
        let now = self.deps.now();
        let clean = |update: MetadataUpdate| MetadataUpdate {
            value: text(&update.value),
            error: text(&update.error),
            // An agent's clock may be wrong; nothing happens in the future.
            collected_at: update.collected_at.min(now),
            key: update.key,
        };
        Ok(updates.into_iter().map(clean).collect())
    }

    /// Stores checked values of any number of agents. Unknown keys are ignored.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn store_metadata(
        &self,
        updates: &[(WorkspaceAgentId, MetadataUpdate)],
    ) -> Result<()> {
        let mut tx = self.deps.begin().await?;
        let noted = async {
            tx.workspace_agents().update_metadata(updates).await?;
            let agents: BTreeSet<_> = updates.iter().map(|(agent, _)| *agent).collect();
            let events = agents.into_iter();
            let events = events.map(|agent_id| Event::AgentMetadata { agent_id });
            Ok(tx.publish_all(events.collect()).await?)
        };
        let noted = noted.await;
        settle(tx, noted).await
    }
}

/// Text fit to be shown, line by line.
fn text(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(log_line::clean).collect();
    let mut kept = lines.join("\n");
    kept.truncate(kept.floor_char_boundary(MAX_METADATA_BYTES));
    kept
}

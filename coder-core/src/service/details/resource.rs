use super::{AgentDetails, agents, group};
use crate::{Result, store::Transaction, workspace_resource::WorkspaceResource};

/// A resource with its agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceDetails {
    /// The resource.
    pub resource: WorkspaceResource,
    /// Its agents, by display order.
    pub agents: Vec<AgentDetails>,
}

/// Adds the agents of resources, in their order.
///
/// # Errors
/// As the store.
pub async fn resources(
    tx: &mut dyn Transaction,
    resources: Vec<WorkspaceResource>,
) -> Result<Vec<ResourceDetails>> {
    if resources.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = resources.iter().map(|resource| resource.id).collect();
    let mut found = tx.workspace_agents().by_resources(&ids).await?;
    // Those of dev containers come and go while a build is the newest.
    found.retain(|agent| !agent.deleted || agent.parent_id.is_none());
    let found = agents(tx, found).await?;
    let mut found = group(found, |details| details.agent.resource_id);
    let add = |resource: WorkspaceResource| ResourceDetails {
        agents: found.remove(&resource.id).unwrap_or_default(),
        resource,
    };
    Ok(resources.into_iter().map(add).collect())
}

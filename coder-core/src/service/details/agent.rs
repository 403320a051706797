use super::group;
use crate::{
    Result,
    script::{ScriptTiming, WorkspaceAgentScript},
    store::Transaction,
    workspace_agent::{AgentLogSource, WorkspaceAgent},
    workspace_app::WorkspaceApp,
};

/// An agent with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentDetails {
    /// The agent.
    pub agent: WorkspaceAgent,
    /// Its apps, by display order.
    pub apps: Vec<WorkspaceApp>,
    /// Its log sources.
    pub log_sources: Vec<AgentLogSource>,
    /// Its scripts, each with its last run.
    pub scripts: Vec<(WorkspaceAgentScript, Option<ScriptTiming>)>,
}

/// Adds what belongs to agents, in their order.
///
/// # Errors
/// As the store.
pub async fn agents(
    tx: &mut dyn Transaction,
    agents: Vec<WorkspaceAgent>,
) -> Result<Vec<AgentDetails>> {
    if agents.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = agents.iter().map(|agent| agent.id).collect();
    let mut apps = group(tx.workspace_apps().by_agents(&ids).await?, |app| {
        app.agent_id
    });
    let sources = tx.workspace_agents().log_sources(&ids).await?;
    let mut sources = group(sources, |source| source.agent_id);
    let scripts = tx.workspace_agents().scripts(&ids).await?;
    let mut scripts = group(scripts, |script| script.agent_id);
    let timings = tx.workspace_agents().script_timings(&ids).await?;
    let add = |agent: WorkspaceAgent| {
        let last_run = |script: WorkspaceAgentScript| {
            // Ordered by begin, so the last one is the newest.
            let mut runs = timings.iter().rev().map(|(_, timing)| timing);
            let run = runs.find(|timing| timing.script_id == script.id).cloned();
            (script, run)
        };
        let scripts = scripts.remove(&agent.id).unwrap_or_default();
        AgentDetails {
            apps: apps.remove(&agent.id).unwrap_or_default(),
            log_sources: sources.remove(&agent.id).unwrap_or_default(),
            scripts: scripts.into_iter().map(last_run).collect(),
            agent,
        }
    };
    Ok(agents.into_iter().map(add).collect())
}

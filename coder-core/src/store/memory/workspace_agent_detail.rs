//! What [`WorkspaceAgentStore`](crate::store::WorkspaceAgentStore) looks up and computes.

use super::{
    data::{Data, fitting},
    text,
};
use crate::{
    id::{WorkspaceAgentId, WorkspaceId},
    store::{AgentOwner, StoreResult},
    user::UserStatus,
    workspace_agent::{AgentLog, MAX_LOG_BYTES, WorkspaceAgent},
    workspace_build::WorkspaceBuild,
};
use std::sync::Arc;

/// Refuses NUL characters in what a template or an agent says.
pub(super) fn check_agent(agent: &WorkspaceAgent) -> StoreResult<()> {
    text::check([
        ("name", agent.name.as_str()),
        ("architecture", &agent.architecture),
        ("operating_system", &agent.operating_system),
        ("directory", &agent.directory),
        ("expanded_directory", &agent.expanded_directory),
        ("version", &agent.version),
        ("api_version", &agent.api_version),
        ("troubleshooting_url", &agent.troubleshooting_url),
        ("motd_file", &agent.motd_file),
    ])?;
    let subsystems = agent.subsystems.iter();
    text::check(subsystems.map(|name| ("subsystems", name.as_str())))?;
    let variables = agent.environment_variables.iter();
    text::check(variables.flat_map(|(name, value)| {
        ["environment_variables"; 2]
            .into_iter()
            .zip([name.as_str(), value.as_str()])
    }))
}

/// An agent that is not deleted, of a workspace build, with both.
pub(super) fn owner_of(data: &Data, agent: &WorkspaceAgent) -> Option<AgentOwner> {
    let build = build_of(data, agent).filter(|_| !agent.deleted)?;
    Some(AgentOwner {
        agent: agent.clone(),
        build: build.clone(),
        workspace: data.workspaces.get(&build.workspace_id)?.clone(),
    })
}

/// Whether an agent is of its workspace's newest build, and nothing around it deleted or suspended.
pub(super) fn is_current(data: &Data, owner: &AgentOwner) -> bool {
    let workspace = &owner.workspace;
    let user = data.users.get(&workspace.owner_id);
    let usable = user.is_some_and(|user| !user.deleted && user.status != UserStatus::Suspended);
    let latest = data.latest_build(workspace.id).map(|build| build.id);
    !workspace.deleted && usable && latest == Some(owner.build.id)
}

/// The agents of all builds of a workspace but the newest.
pub(super) fn agents_of_earlier_builds(
    data: &Data,
    workspace: WorkspaceId,
) -> Vec<WorkspaceAgentId> {
    let latest = data.latest_build(workspace).map(|build| build.id);
    let earlier = data.workspace_agents.values().filter(|agent| {
        build_of(data, agent)
            .is_some_and(|build| build.workspace_id == workspace && Some(build.id) != latest)
    });
    earlier.map(|agent| agent.id).collect()
}

/// Appends what fits.
pub(super) fn append_logs(
    data: &mut Data,
    id: WorkspaceAgentId,
    lines: &[AgentLog],
) -> StoreResult<u64> {
    text::check(lines.iter().map(|line| ("output", line.output.as_str())))?;
    let Some(agent) = data.workspace_agents.update(&id) else {
        return Ok(0);
    };
    let outputs = lines.iter().map(|line| line.output.as_str());
    let (count, length, overflowed) = fitting(
        outputs,
        agent.logs_length,
        agent.logs_overflowed,
        MAX_LOG_BYTES,
    );
    (agent.logs_length, agent.logs_overflowed) = (length, overflowed);
    for line in lines.iter().take(count) {
        let line = AgentLog {
            id: data.next_log_id(),
            ..line.clone()
        };
        data.agent_logs.entry(id).push(Arc::new(line));
    }
    Ok(count as u64)
}

fn build_of<'a>(data: &'a Data, agent: &WorkspaceAgent) -> Option<&'a WorkspaceBuild> {
    let job = data.workspace_resources.get(&agent.resource_id)?.job_id;
    data.workspace_builds.find(|build| build.job_id == job)
}

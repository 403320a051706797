//! What [`WorkspaceAgentStore`](crate::store::WorkspaceAgentStore) looks up and computes.

use super::{
    data::{Data, Rows, fitting},
    text,
};
use crate::{
    Timestamp,
    id::{WorkspaceAgentId, WorkspaceId},
    script::{MAX_CRON_RUNS, ScriptStage, ScriptTiming},
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
    owner_of_any_build(data, agent).filter(|_| !agent.deleted)
}

/// The same of one that may be deleted.
pub(super) fn owner_of_any_build(data: &Data, agent: &WorkspaceAgent) -> Option<AgentOwner> {
    let build = build_of(data, agent)?;
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

/// Agents with log lines that were last there before `before` and are not of their workspace's newest build.
pub(super) fn old_logs(data: &Data, before: Timestamp, limit: u32) -> Vec<WorkspaceAgentId> {
    let old = data.workspace_agents.values().filter(|agent| {
        let latest = build_of(data, agent).and_then(|build| {
            let latest = data.latest_build(build.workspace_id)?;
            Some(latest.id == build.id)
        });
        let last = agent.last_connected_at.unwrap_or(agent.created_at);
        agent.logs_length > 0 && last < before && latest == Some(false)
    });
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    old.map(|agent| agent.id).take(limit).collect()
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

/// Adds a run unless it is known, in place of the oldest one by schedule if there are enough.
pub(super) fn add_timing(rows: &mut Rows<ScriptTiming>, timing: &ScriptTiming) {
    let key = |row: &ScriptTiming| (row.script_id, row.started_at);
    if rows.iter().any(|row| key(row) == key(timing)) {
        return;
    }
    rows.push(Arc::new(timing.clone()));
    let of_schedule = rows
        .iter()
        .filter(|row| row.script_id == timing.script_id && row.stage == ScriptStage::Cron);
    if of_schedule.clone().count() > MAX_CRON_RUNS {
        let oldest = of_schedule.map(|row| key(row)).min();
        rows.retain(|row| Some(key(row)) != oldest);
    }
}

fn build_of<'a>(data: &'a Data, agent: &WorkspaceAgent) -> Option<&'a WorkspaceBuild> {
    let job = data.workspace_resources.get(&agent.resource_id)?.job_id;
    data.workspace_builds.find(|build| build.job_id == job)
}

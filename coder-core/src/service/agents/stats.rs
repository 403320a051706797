use super::{Agents, announce};
use crate::{
    Result, Timestamp,
    agent_stats::AgentStats,
    id::WorkspaceId,
    schedule,
    service::unit::{forget_old, settle},
    store::{AgentOwner, Transaction},
};
use chrono::TimeDelta;
use std::collections::BTreeSet;

/// Reports removed in one transaction.
const REPORTS_AT_ONCE: u32 = 10_000;

/// The version of the protocol whose agents do not count bytes.
const WITHOUT_BYTES: &str = "1.0";

/// A report of an agent, and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct StatsReport {
    /// What was reported.
    pub stats: AgentStats,
    /// Whether somebody used the workspace.
    pub used: bool,
}

impl StatsReport {
    /// What an agent reported of the last `seconds`.
    #[must_use]
    pub fn new(owner: &AgentOwner, stats: AgentStats, seconds: i64) -> Self {
        let stats = stats.plausible();
        let counts_bytes = owner.agent.api_version != WITHOUT_BYTES;
        Self {
            used: stats.is_use(seconds, counts_bytes),
            stats,
        }
    }
}

impl Agents {
    /// Stores reports of any number of agents, except those that say nothing, and notes for each workspace that was
    /// used: when, and that it stops later if its template moves deadlines by activity.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn store_stats(&self, reports: &[StatsReport]) -> Result<()> {
        let kept = reports.iter().map(|report| &report.stats);
        let kept: Vec<_> = kept.filter(|stats| stats.is_anything()).cloned().collect();
        let used = reports.iter().filter(|report| report.used);
        let used: BTreeSet<_> = used.map(|report| report.stats.workspace_id).collect();
        let used: Vec<_> = used.into_iter().collect();
        if kept.is_empty() && used.is_empty() {
            return Ok(());
        }
        let now = self.deps.now();
        let mut tx = self.deps.begin().await?;
        let noted = async {
            let tx = tx.as_mut();
            tx.workspace_agent_stats().insert(&kept).await?;
            note_use(tx, &used, now).await
        };
        let noted = noted.await;
        settle(tx, noted).await
    }

    /// Removes reports that are older than `retention`; answers how many.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn forget_old_stats(&self, retention: TimeDelta) -> Result<u64> {
        forget_old(
            &self.deps,
            retention,
            REPORTS_AT_ONCE,
            |tx, before, limit| tx.workspace_agent_stats().delete_before(before, limit),
        )
        .await
    }
}

/// Notes that workspaces are used now: their deadlines move as far as their templates say.
pub(in crate::service) async fn note_use(
    tx: &mut dyn Transaction,
    used: &[WorkspaceId],
    now: Timestamp,
) -> Result<()> {
    tx.workspaces().touch(used, now).await?;
    let workspaces = tx.workspaces().get_many(used).await?;
    let templates: BTreeSet<_> = workspaces.iter().map(|one| one.template_id).collect();
    let templates: Vec<_> = templates.into_iter().collect();
    let templates = tx.templates().get_many(&templates).await?;
    let builds = tx.workspace_builds().latest_many(used).await?;
    // Most have no deadline.
    let jobs = builds.iter().filter(|build| build.deadline.is_some());
    let jobs: Vec<_> = jobs.map(|build| build.job_id).collect();
    let jobs = tx.provisioner_jobs().get_many(&jobs).await?;
    for build in &builds {
        let workspace = workspaces.iter().find(|one| one.id == build.workspace_id);
        let Some(workspace) = workspace else { continue };
        let template = templates.iter().find(|one| one.id == workspace.template_id);
        let job = jobs.iter().find(|job| job.id == build.job_id);
        let (Some(template), Some(job)) = (template, job) else {
            continue;
        };
        let policy = &template.policy;
        let moved = schedule::bumped_deadline(policy, workspace, build, job.status(), now);
        let Some(deadline) = moved else { continue };
        if tx
            .workspace_builds()
            .bump_deadline(build.id, deadline, now)
            .await?
        {
            announce(tx, workspace).await?;
        }
    }
    Ok(())
}

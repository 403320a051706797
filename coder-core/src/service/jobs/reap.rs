use super::{Jobs, announce};
use crate::{
    Result, Timestamp,
    event::Event,
    id::ProvisionerJobId,
    provisioner_job::{JobLog, LogLevel, LogSource, ProvisionerJob},
    service::unit::settle,
    store::{JobEnd, Transaction},
};

/// How long a lease holds without an update, seconds: six updates may be lost.
pub const LEASE_SECONDS: i64 = 30;
/// How long a job may wait for a daemon, minutes.
pub const PENDING_MINUTES: i64 = 30;
/// Most jobs ended by one call.
const MAX_AT_ONCE: u32 = 10;

impl Jobs {
    /// Ends jobs whose daemon has been silent for [`LEASE_SECONDS`], and those that waited for one for
    /// [`PENDING_MINUTES`]. The state that was reported last stays the newest. Any number of replicas may
    /// do this at once. Answers what was ended.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable); what was ended before stays so.
    pub async fn reap(&self) -> Result<Vec<ProvisionerJobId>> {
        let now = self.deps.now();
        let running_before = now - chrono::TimeDelta::seconds(LEASE_SECONDS);
        let pending_before = now - chrono::TimeDelta::minutes(PENDING_MINUTES);
        let mut tx = self.deps.begin().await?;
        let stale = tx
            .provisioner_jobs()
            .stale(running_before, pending_before, MAX_AT_ONCE)
            .await;
        let stale = settle(tx, stale.map_err(Into::into)).await?;
        let mut ended = Vec::new();
        for job in stale {
            let mut tx = self.deps.begin().await?;
            let reaped = self
                .reap_one(tx.as_mut(), job.id, running_before, pending_before)
                .await;
            if settle(tx, reaped).await? {
                tracing::warn!(job_id = %job.id, started = job.started_at.is_some(), "job given up");
                ended.push(job.id);
            }
        }
        Ok(ended)
    }

    async fn reap_one(
        &self,
        tx: &mut dyn Transaction,
        id: ProvisionerJobId,
        running_before: Timestamp,
        pending_before: Timestamp,
    ) -> Result<bool> {
        // Looked at again under lock: it may have moved on, or another replica was faster.
        let job = tx.provisioner_jobs().get_for_update(id).await?;
        let stale = |job: &ProvisionerJob| match job.started_at {
            Some(_) => job.updated_at < running_before,
            None => job.created_at < pending_before,
        };
        let Some(job) = job.filter(|job| job.completed_at.is_none() && stale(job)) else {
            return Ok(false);
        };
        let now = self.deps.now();
        let reason = reason(&job);
        let line = |output: String| JobLog {
            id: 0,
            created_at: now,
            source: LogSource::ProvisionerDaemon,
            level: LogLevel::Error,
            stage: "Gave up".to_owned(),
            output,
        };
        let build = tx.workspace_builds().by_job(id).await?;
        let lines = [line(reason.clone()), line(advice(&job, build.is_some()))];
        tx.provisioner_jobs().append_logs(id, &lines).await?;
        let end = JobEnd {
            error: job.canceled_at.is_none().then_some(reason),
            ..JobEnd::default()
        };
        if !tx.provisioner_jobs().finish(id, None, &end, now).await? {
            return Ok(false);
        }
        tx.publish(Event::JobLogs { job_id: id }).await?;
        let workspace = match build {
            Some(build) => tx.workspaces().get(build.workspace_id).await?,
            None => None,
        };
        announce(tx, id, workspace.as_ref()).await?;
        Ok(true)
    }
}

fn reason(job: &ProvisionerJob) -> String {
    if job.started_at.is_some() {
        format!("The provisioner daemon has not been heard of for {LEASE_SECONDS} seconds.")
    } else {
        format!("No provisioner daemon took the job for {PENDING_MINUTES} minutes.")
    }
}

/// What to do next.
fn advice(job: &ProvisionerJob, build: bool) -> String {
    match (job.started_at.is_some(), build) {
        (true, true) => "What was made is in the state that was kept: start, stop or delete the workspace \
             again to go on from it. `coder state pull` shows it, `coder delete --orphan` forgets it."
            .to_owned(),
        (true, false) => "Nothing was changed: push the template again.".to_owned(),
        (false, _) => {
            let tags: Vec<String> = job
                .tags
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!(
                "Start a provisioner daemon with the tags {}, then try again.",
                tags.join(" ")
            )
        }
    }
}

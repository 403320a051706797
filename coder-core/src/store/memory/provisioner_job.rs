use super::{
    MemoryTransaction,
    data::{between, fitting},
    text,
};
use crate::{
    Timestamp,
    id::{LeaseId, OrganizationId, ProvisionerDaemonId, ProvisionerJobId},
    job_queue::{PREBUILDS, QueueState},
    provisioner_job::{
        JobFilter, JobLog, JobStatus, JobTiming, MAX_LOG_BYTES, ProvisionerJob, QueuePosition,
        tags_match,
    },
    store::{ClaimJob, JobEnd, Page, ProvisionerJobStore, StoreResult},
};
use async_trait::async_trait;
use std::{cmp::Reverse, sync::Arc};

impl MemoryTransaction {
    /// Jobs that match, in the order of the queue.
    fn queue(&self, matches: impl Fn(&ProvisionerJob) -> bool) -> Vec<&ProvisionerJob> {
        let jobs = self.data.provisioner_jobs.values();
        let mut found: Vec<&ProvisionerJob> = jobs.filter(|job| matches(job)).collect();
        let turn = |job: &ProvisionerJob| self.data.job_turns.get(&job.id).copied();
        found.sort_by_key(|job| (job.initiator_id == PREBUILDS, turn(job), job.created_at));
        found
    }

    /// What a new job finds.
    fn queue_state(&self, new: &ProvisionerJob) -> QueueState {
        let turn = |job: &ProvisionerJob| self.data.job_turns.get(&job.id).copied();
        let waiting = |job: &ProvisionerJob| job.status() == JobStatus::Pending;
        let jobs = self.data.provisioner_jobs.values();
        let rivals: Vec<_> = jobs
            .filter(|job| job.completed_at.is_none() && rivals(job, new))
            .collect();
        let lowest_waiting = rivals.iter().filter(|job| waiting(job));
        let lowest_waiting = lowest_waiting.filter_map(|job| turn(job)).min();
        let highest_running = rivals.iter().filter_map(|job| turn(job)).max();
        let next = || {
            let all = self.queue(|job| waiting(job) && job.organization_id == new.organization_id);
            all.first().and_then(|job| turn(job))
        };
        let own = rivals
            .iter()
            .filter(|job| job.initiator_id == new.initiator_id);
        QueueState {
            present: lowest_waiting
                .or(highest_running)
                .or_else(next)
                .unwrap_or(0),
            own_last: own.filter_map(|job| turn(job)).max(),
        }
    }
}

#[async_trait]
impl ProvisionerJobStore for MemoryTransaction {
    async fn insert(&mut self, job: &ProvisionerJob) -> StoreResult<()> {
        text::check(job.tags.iter().flat_map(|(key, value)| {
            let value = ("tags", value.as_str());
            [("tags", key.as_str()), value]
        }))?;
        let turn = self.queue_state(job).next_turn();
        let jobs = &mut self.data.provisioner_jobs;
        jobs.insert("provisioner_jobs_pkey", job.id, job.clone())?;
        self.data.job_turns.put(job.id, turn);
        Ok(())
    }

    async fn get(&mut self, id: ProvisionerJobId) -> StoreResult<Option<ProvisionerJob>> {
        Ok(self.data.provisioner_jobs.get(&id).cloned())
    }

    async fn get_for_update(
        &mut self,
        id: ProvisionerJobId,
    ) -> StoreResult<Option<ProvisionerJob>> {
        Ok(self.data.provisioner_jobs.get(&id).cloned())
    }

    async fn get_many(&mut self, ids: &[ProvisionerJobId]) -> StoreResult<Vec<ProvisionerJob>> {
        Ok(self.data.provisioner_jobs.get_many(ids))
    }

    async fn list(
        &mut self,
        organization: OrganizationId,
        filter: &JobFilter,
        page: Page,
    ) -> StoreResult<Vec<ProvisionerJob>> {
        let jobs = self.data.provisioner_jobs.values();
        let mut found: Vec<&ProvisionerJob> = jobs
            .filter(|job| job.organization_id == organization && matches(filter, job))
            .collect();
        found.sort_by_key(|job| Reverse(job.created_at));
        Ok(page.apply(found.into_iter().cloned()))
    }

    async fn claim(&mut self, claim: &ClaimJob) -> StoreResult<Option<ProvisionerJob>> {
        let queue = self.queue(|job| {
            job.status() == JobStatus::Pending
                && job.organization_id == claim.organization_id
                && claim.provisioners.contains(&job.provisioner)
                && tags_match(&job.tags, &claim.tags)
        });
        let Some(id) = queue.first().map(|job| job.id) else {
            return Ok(None);
        };
        let claimed = self.data.provisioner_jobs.update(&id).map(|job| {
            job.started_at = Some(claim.now);
            job.updated_at = claim.now;
            job.worker_id = Some(claim.worker_id);
            job.lease = Some(claim.lease);
            job.clone()
        });
        Ok(claimed)
    }

    async fn heartbeat(
        &mut self,
        id: ProvisionerJobId,
        lease: LeaseId,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let Some(job) = self.data.provisioner_jobs.update(&id) else {
            return Ok(false);
        };
        let running = job.lease == Some(lease) && is_running(job);
        if running {
            job.updated_at = now;
        }
        Ok(running)
    }

    async fn release(
        &mut self,
        id: ProvisionerJobId,
        lease: LeaseId,
        only_unheard: bool,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let Some(job) = self.data.provisioner_jobs.update(&id) else {
            return Ok(false);
        };
        let heard = job.started_at != Some(job.updated_at);
        if job.lease != Some(lease) || job.completed_at.is_some() || (only_unheard && heard) {
            return Ok(false);
        }
        job.updated_at = now;
        job.started_at = None;
        job.worker_id = None;
        job.lease = None;
        job.completed_at = job.canceled_at.map(|_| now);
        Ok(true)
    }

    async fn cancel(&mut self, id: ProvisionerJobId, now: Timestamp) -> StoreResult<bool> {
        let Some(job) = self.data.provisioner_jobs.update(&id) else {
            return Ok(false);
        };
        if job.completed_at.is_some() || job.canceled_at.is_some() {
            return Ok(false);
        }
        job.canceled_at = Some(now);
        if job.started_at.is_none() {
            job.completed_at = Some(now);
        }
        Ok(true)
    }

    async fn finish(
        &mut self,
        id: ProvisionerJobId,
        lease: Option<LeaseId>,
        end: &JobEnd,
        now: Timestamp,
    ) -> StoreResult<bool> {
        text::check([("error", end.error.as_deref().unwrap_or_default())])?;
        let Some(job) = self.data.provisioner_jobs.update(&id) else {
            return Ok(false);
        };
        let fenced = lease.is_some() && job.lease != lease;
        if fenced || job.completed_at.is_some() {
            return Ok(false);
        }
        job.completed_at = Some(now);
        job.updated_at = now;
        if end.done {
            job.canceled_at = None;
        }
        job.error.clone_from(&end.error);
        job.error_code = end.error_code;
        Ok(true)
    }

    async fn stale(
        &mut self,
        running_before: Timestamp,
        pending_before: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<ProvisionerJob>> {
        let mut stale = self.queue(|job| {
            let waits = job.status() == JobStatus::Pending && job.created_at < pending_before;
            waits || (is_running(job) && job.updated_at < running_before)
        });
        stale.sort_by_key(|job| (job.created_at, job.id));
        let oldest = stale.into_iter().take(limit as usize);
        Ok(oldest.cloned().collect())
    }

    async fn of_workers(
        &mut self,
        workers: &[ProvisionerDaemonId],
    ) -> StoreResult<Vec<ProvisionerJob>> {
        let workers: std::collections::BTreeSet<_> = workers.iter().copied().collect();
        let mut found = Vec::new();
        for worker in workers {
            let jobs = self.data.provisioner_jobs.values();
            let (running, ended): (Vec<_>, Vec<_>) = jobs
                .filter(|job| job.worker_id == Some(worker))
                .partition(|job| job.completed_at.is_none());
            let last = ended.into_iter().max_by_key(|job| job.completed_at);
            found.extend(running.into_iter().chain(last).cloned());
        }
        Ok(found)
    }

    async fn queue_positions(
        &mut self,
        ids: &[ProvisionerJobId],
    ) -> StoreResult<Vec<(ProvisionerJobId, QueuePosition)>> {
        let pending = self.queue(|job| job.status() == JobStatus::Pending);
        let wanted = pending.iter().filter(|job| ids.contains(&job.id));
        let positions = wanted.map(|job| {
            let rivals = pending.iter().filter(|rival| rivals(rival, job));
            let mut place = QueuePosition::default();
            for rival in rivals {
                place.size += 1;
                if rival.id == job.id {
                    place.position = place.size;
                }
            }
            (job.id, place)
        });
        Ok(positions.collect())
    }

    async fn append_logs(&mut self, id: ProvisionerJobId, lines: &[JobLog]) -> StoreResult<u64> {
        text::check(lines.iter().flat_map(|line| {
            let output = ("output", line.output.as_str());
            [("stage", line.stage.as_str()), output]
        }))?;
        let Some(job) = self.data.provisioner_jobs.update(&id) else {
            return Ok(0);
        };
        let outputs = lines.iter().map(|line| line.output.as_str());
        let (count, length, overflowed) =
            fitting(outputs, job.logs_length, job.logs_overflowed, MAX_LOG_BYTES);
        (job.logs_length, job.logs_overflowed) = (length, overflowed);
        for line in lines.iter().take(count) {
            let line = JobLog {
                id: self.data.next_log_id(),
                ..line.clone()
            };
            self.data.job_logs.entry(id).push(Arc::new(line));
        }
        Ok(count as u64)
    }

    async fn logs(
        &mut self,
        id: ProvisionerJobId,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> StoreResult<Vec<JobLog>> {
        let rows = self.data.job_logs.get(&id);
        Ok(between(rows, |line| line.id, (after, before), limit))
    }

    async fn append_timings(
        &mut self,
        id: ProvisionerJobId,
        timings: &[JobTiming],
    ) -> StoreResult<()> {
        text::check(timings.iter().flat_map(|timing| {
            [
                ("stage", timing.stage.as_str()),
                ("source", &timing.source),
                ("action", &timing.action),
                ("resource", &timing.resource),
            ]
        }))?;
        if self.data.provisioner_jobs.contains(&id) {
            let rows = self.data.job_timings.entry(id);
            rows.extend(timings.iter().cloned().map(Arc::new));
        }
        Ok(())
    }

    async fn timings(&mut self, id: ProvisionerJobId) -> StoreResult<Vec<JobTiming>> {
        let rows = self.data.job_timings.get(&id).into_iter().flatten();
        let mut timings: Vec<JobTiming> = rows.map(|row| JobTiming::clone(row)).collect();
        timings.sort_by_key(|timing| timing.started_at);
        Ok(timings)
    }
}

/// Whether two jobs are in one queue.
fn rivals(one: &ProvisionerJob, other: &ProvisionerJob) -> bool {
    one.organization_id == other.organization_id
        && one.provisioner == other.provisioner
        && one.tags == other.tags
}

fn is_running(job: &ProvisionerJob) -> bool {
    job.started_at.is_some() && job.completed_at.is_none()
}

fn matches(filter: &JobFilter, job: &ProvisionerJob) -> bool {
    let mut tags = filter.tags.iter();
    (filter.ids.is_empty() || filter.ids.contains(&job.id))
        && (filter.status.is_empty() || filter.status.contains(&job.status()))
        && tags.all(|(key, value)| job.tags.get(key) == Some(value))
        && filter.initiator_id.is_none_or(|id| job.initiator_id == id)
}

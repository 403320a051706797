use super::{Page, StoreResult};
use crate::{
    Timestamp,
    id::{LeaseId, OrganizationId, ProvisionerDaemonId, ProvisionerJobId},
    provisioner_job::{
        JobErrorCode, JobFilter, JobLog, JobTiming, ProvisionerJob, ProvisionerType, QueuePosition,
        Tags,
    },
};
use async_trait::async_trait;

/// What a daemon asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimJob {
    /// Jobs of this organization.
    pub organization_id: OrganizationId,
    /// Any of these types.
    pub provisioners: Vec<ProvisionerType>,
    /// The daemon's tags, see [`tags_match`](crate::provisioner_job::tags_match).
    pub tags: Tags,
    /// Who asks.
    pub worker_id: ProvisionerDaemonId,
    /// The fencing token of the claim, if there is a job.
    pub lease: LeaseId,
    /// The time.
    pub now: Timestamp,
}

/// How a job ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobEnd {
    /// Why it failed; `None` for success or cancel.
    pub error: Option<String>,
    /// The failure in one word.
    pub error_code: Option<JobErrorCode>,
    /// Whether all was done. A cancel that came too late for that is forgotten: the job has succeeded.
    pub done: bool,
}

/// The job queue, logs and timings.
#[async_trait]
pub trait ProvisionerJobStore: Send {
    /// Adds a job as it is, and gives it its [turn](crate::job_queue) if it waits.
    async fn insert(&mut self, job: &ProvisionerJob) -> StoreResult<()>;
    /// By id.
    async fn get(&mut self, id: ProvisionerJobId) -> StoreResult<Option<ProvisionerJob>>;
    /// By id, and keeps other transactions that ask the same waiting until this one ends.
    async fn get_for_update(&mut self, id: ProvisionerJobId)
    -> StoreResult<Option<ProvisionerJob>>;
    /// Several by id, in no order.
    async fn get_many(&mut self, ids: &[ProvisionerJobId]) -> StoreResult<Vec<ProvisionerJob>>;
    /// A part of an organization's jobs that match, newest first.
    async fn list(
        &mut self,
        organization: OrganizationId,
        filter: &JobFilter,
        page: Page,
    ) -> StoreResult<Vec<ProvisionerJob>>;
    /// Claims the next pending job that fits, if there is one: those of people before
    /// [prebuilds](crate::job_queue::PREBUILDS), then by turn, then oldest first. No job is ever given twice.
    async fn claim(&mut self, claim: &ClaimJob) -> StoreResult<Option<ProvisionerJob>>;
    /// Notes a sign of life of a running job. `false` when `lease` is not its present claim or it ended.
    async fn heartbeat(
        &mut self,
        id: ProvisionerJobId,
        lease: LeaseId,
        now: Timestamp,
    ) -> StoreResult<bool>;
    /// Puts a running job back into the queue, where it keeps its place; one that was canceled meanwhile
    /// ends instead. `false` when `lease` is not its present claim or it ended; with `only_unheard`, also
    /// when there was a sign of life since the claim.
    async fn release(
        &mut self,
        id: ProvisionerJobId,
        lease: LeaseId,
        only_unheard: bool,
        now: Timestamp,
    ) -> StoreResult<bool>;
    /// Asks for a cancel, which is no sign of life: `updated_at` stays. A pending job ends at once. `false`
    /// when it had ended or been canceled before.
    async fn cancel(&mut self, id: ProvisionerJobId, now: Timestamp) -> StoreResult<bool>;
    /// Ends a job, also one that waits; `updated_at` becomes `now`. With a lease, `false` when that is
    /// not its present claim; without, the platform itself ends it. `false` too when it had ended before; nothing is changed then.
    async fn finish(
        &mut self,
        id: ProvisionerJobId,
        lease: Option<LeaseId>,
        end: &JobEnd,
        now: Timestamp,
    ) -> StoreResult<bool>;
    /// At most `limit` jobs that run without a sign of life since `running_before`, or wait since
    /// `pending_before`, oldest first.
    async fn stale(
        &mut self,
        running_before: Timestamp,
        pending_before: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<ProvisionerJob>>;
    /// The jobs that these daemons run, and the last one each has ended, in no order.
    async fn of_workers(
        &mut self,
        workers: &[ProvisionerDaemonId],
    ) -> StoreResult<Vec<ProvisionerJob>>;
    /// Where each of these jobs stands among the pending ones of its organization, type and tags, in the
    /// order of [`claim`](Self::claim). Jobs that do not wait are left out.
    async fn queue_positions(
        &mut self,
        ids: &[ProvisionerJobId],
    ) -> StoreResult<Vec<(ProvisionerJobId, QueuePosition)>>;
    /// Appends lines (their `id` is ignored) and adds the bytes of their `output` to the job's
    /// `logs_length`. The first line with which that would exceed
    /// [`MAX_LOG_BYTES`](crate::provisioner_job::MAX_LOG_BYTES) sets `logs_overflowed`; it and all lines after
    /// it, also of later calls, are dropped. Answers how many lines were stored.
    async fn append_logs(&mut self, id: ProvisionerJobId, lines: &[JobLog]) -> StoreResult<u64>;
    /// At most `limit` lines (0 for all) with `after < id < before`, ascending.
    async fn logs(
        &mut self,
        id: ProvisionerJobId,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> StoreResult<Vec<JobLog>>;
    /// Adds timings.
    async fn append_timings(
        &mut self,
        id: ProvisionerJobId,
        timings: &[JobTiming],
    ) -> StoreResult<()>;
    /// All timings by start.
    async fn timings(&mut self, id: ProvisionerJobId) -> StoreResult<Vec<JobTiming>>;
}

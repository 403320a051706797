//! The job queue.

use async_trait::async_trait;
use coder_core::{
    Timestamp,
    id::{LeaseId, OrganizationId, ProvisionerDaemonId, ProvisionerJobId},
    provisioner_job::{JobFilter, JobLog, JobTiming, ProvisionerJob, QueuePosition},
    store::{ClaimJob, JobEnd, Page, ProvisionerJobStore, StoreResult},
};
use sea_orm::{QuerySelect as _, entity::prelude::*};

use super::{provisioner_job_log, provisioner_job_queue};
use crate::db::{
    convert::{FromRow, from_json, optional_word, to_json, uuids, word},
    entity::provisioner_job,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "provisioner_jobs";

#[async_trait]
impl ProvisionerJobStore for PgTransaction {
    async fn insert(&mut self, job: &ProvisionerJob) -> StoreResult<()> {
        let turn = provisioner_job_queue::next_turn(self, job).await?;
        self.insert_row(row(job, turn)?).await
    }

    async fn get(&mut self, id: ProvisionerJobId) -> StoreResult<Option<ProvisionerJob>> {
        self.find_one(provisioner_job::Entity::find_by_id(id.0))
            .await
    }

    async fn get_for_update(
        &mut self,
        id: ProvisionerJobId,
    ) -> StoreResult<Option<ProvisionerJob>> {
        self.find_one(provisioner_job::Entity::find_by_id(id.0).lock_exclusive())
            .await
    }

    async fn get_many(&mut self, ids: &[ProvisionerJobId]) -> StoreResult<Vec<ProvisionerJob>> {
        let select = provisioner_job::Entity::find();
        self.find_all(select.filter(provisioner_job::Column::Id.eq_any(uuids(ids))))
            .await
    }

    async fn list(
        &mut self,
        organization: OrganizationId,
        filter: &JobFilter,
        page: Page,
    ) -> StoreResult<Vec<ProvisionerJob>> {
        let mut query = Query::new("SELECT * FROM provisioner_jobs WHERE organization_id = ");
        query.bind(organization.0);
        narrow(&mut query, filter)?;
        query.push(" ORDER BY created_at DESC, id DESC").page(page);
        self.query_all(&query).await
    }

    async fn claim(&mut self, claim: &ClaimJob) -> StoreResult<Option<ProvisionerJob>> {
        let provisioners: Vec<String> =
            claim.provisioners.iter().map(ToString::to_string).collect();
        let tags = to_json(&claim.tags)?;
        let mut query = Query::new("UPDATE provisioner_jobs SET started_at = ");
        query
            .bind(claim.now)
            .push(", updated_at = ")
            .bind(claim.now);
        query.push(", worker_id = ").bind(claim.worker_id.0);
        query.push(", lease = ").bind(claim.lease.0);
        // Rows that another claim holds are skipped instead of waited for. The tags are compared as
        // `tags_match` of the core does.
        query.push(
            " WHERE id = (SELECT id FROM provisioner_jobs WHERE started_at IS NULL \
             AND canceled_at IS NULL AND completed_at IS NULL AND organization_id = ",
        );
        query.bind(claim.organization_id.0);
        query.push(" AND provisioner = ANY(").bind(provisioners);
        query.push(
            ") AND CASE WHEN tags = '{\"scope\": \"organization\", \"owner\": \"\"}' THEN tags = ",
        );
        query.bind(tags.clone()).push(" ELSE tags <@ ").bind(tags);
        query
            .push(" END ORDER BY ")
            .push(provisioner_job_queue::ORDER)
            .push(" LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *");
        self.query_one(&query).await
    }

    async fn heartbeat(
        &mut self,
        id: ProvisionerJobId,
        lease: LeaseId,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut query = Query::new("UPDATE provisioner_jobs SET updated_at = ");
        query
            .bind(now)
            .push(" WHERE completed_at IS NULL AND id = ")
            .bind(id.0);
        query.push(" AND lease = ").bind(lease.0);
        Ok(self.execute(&query).await? > 0)
    }

    async fn release(
        &mut self,
        id: ProvisionerJobId,
        lease: LeaseId,
        only_unheard: bool,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut query = Query::new("UPDATE provisioner_jobs SET updated_at = ");
        query
            .bind(now)
            .push(", started_at = NULL, worker_id = NULL, lease = NULL, ");
        query
            .push("completed_at = CASE WHEN canceled_at IS NOT NULL THEN ")
            .bind(now);
        query
            .push("::timestamptz END WHERE completed_at IS NULL AND id = ")
            .bind(id.0);
        query.push(" AND lease = ").bind(lease.0);
        if only_unheard {
            query.push(" AND updated_at = started_at");
        }
        Ok(self.execute(&query).await? > 0)
    }

    async fn cancel(&mut self, id: ProvisionerJobId, now: Timestamp) -> StoreResult<bool> {
        let mut query = Query::new("UPDATE provisioner_jobs SET canceled_at = ");
        query
            .bind(now)
            .push(", completed_at = CASE WHEN started_at IS NULL THEN ")
            .bind(now);
        query
            .push("::timestamptz END WHERE completed_at IS NULL AND canceled_at IS NULL AND id = ");
        query.bind(id.0);
        Ok(self.execute(&query).await? > 0)
    }

    async fn finish(
        &mut self,
        id: ProvisionerJobId,
        lease: Option<LeaseId>,
        end: &JobEnd,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut query = Query::new("UPDATE provisioner_jobs SET completed_at = ");
        query.bind(now).push(", updated_at = ").bind(now);
        query.push(", error = ").bind(end.error.clone());
        if end.done {
            query.push(", canceled_at = NULL");
        }
        query
            .push(", error_code = ")
            .bind(end.error_code.map(|code| code.to_string()));
        query
            .push(" WHERE completed_at IS NULL AND id = ")
            .bind(id.0);
        if let Some(lease) = lease {
            query.push(" AND lease = ").bind(lease.0);
        }
        Ok(self.execute(&query).await? > 0)
    }

    async fn stale(
        &mut self,
        running_before: Timestamp,
        pending_before: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<ProvisionerJob>> {
        let mut query = Query::new(
            "SELECT * FROM provisioner_jobs WHERE completed_at IS NULL \
             AND (started_at IS NOT NULL AND updated_at < ",
        );
        query.bind(running_before);
        query
            .push(" OR started_at IS NULL AND created_at < ")
            .bind(pending_before);
        query
            .push(") ORDER BY created_at, id LIMIT ")
            .bind(i64::from(limit));
        self.query_all(&query).await
    }

    async fn of_workers(
        &mut self,
        workers: &[ProvisionerDaemonId],
    ) -> StoreResult<Vec<ProvisionerJob>> {
        let mut query = Query::new(
            "SELECT * FROM provisioner_jobs WHERE completed_at IS NULL AND worker_id = ANY(",
        );
        query
            .bind(uuids(workers))
            .push(") UNION ALL SELECT j.* FROM (SELECT DISTINCT unnest(");
        query.bind(uuids(workers)).push(
            "::uuid[]) AS id) w CROSS JOIN LATERAL (SELECT * FROM provisioner_jobs \
             WHERE worker_id = w.id AND completed_at IS NOT NULL \
             ORDER BY completed_at DESC, id DESC LIMIT 1) j",
        );
        self.query_all(&query).await
    }

    async fn queue_positions(
        &mut self,
        ids: &[ProvisionerJobId],
    ) -> StoreResult<Vec<(ProvisionerJobId, QueuePosition)>> {
        provisioner_job_queue::positions(self, ids).await
    }

    async fn append_logs(&mut self, id: ProvisionerJobId, lines: &[JobLog]) -> StoreResult<u64> {
        provisioner_job_log::append(self, id, lines).await
    }

    async fn logs(
        &mut self,
        id: ProvisionerJobId,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> StoreResult<Vec<JobLog>> {
        provisioner_job_log::read(self, id, after, before, limit).await
    }

    async fn append_timings(
        &mut self,
        id: ProvisionerJobId,
        timings: &[JobTiming],
    ) -> StoreResult<()> {
        provisioner_job_log::append_timings(self, id, timings).await
    }

    async fn timings(&mut self, id: ProvisionerJobId) -> StoreResult<Vec<JobTiming>> {
        provisioner_job_log::read_timings(self, id).await
    }
}

fn narrow(query: &mut Query, filter: &JobFilter) -> StoreResult<()> {
    if !filter.ids.is_empty() {
        query
            .push(" AND id = ANY(")
            .bind(uuids(&filter.ids))
            .push(")");
    }
    if !filter.status.is_empty() {
        let status: Vec<String> = filter.status.iter().map(ToString::to_string).collect();
        // As `JobStatus::of` of the core.
        query.push(
            " AND CASE WHEN error IS NOT NULL THEN 'failed' \
             WHEN completed_at IS NOT NULL AND canceled_at IS NOT NULL THEN 'canceled' \
             WHEN completed_at IS NOT NULL THEN 'succeeded' \
             WHEN canceled_at IS NOT NULL THEN 'canceling' \
             WHEN started_at IS NULL THEN 'pending' ELSE 'running' END = ANY(",
        );
        query.bind(status).push(")");
    }
    if !filter.tags.is_empty() {
        query.push(" AND tags @> ").bind(to_json(&filter.tags)?);
    }
    if let Some(initiator) = filter.initiator_id {
        query.push(" AND initiator_id = ").bind(initiator.0);
    }
    Ok(())
}

fn row(job: &ProvisionerJob, turn: i64) -> StoreResult<provisioner_job::Model> {
    Ok(provisioner_job::Model {
        id: job.id.0,
        organization_id: job.organization_id.0,
        initiator_id: job.initiator_id.0,
        provisioner: job.provisioner.to_string(),
        file_id: job.file_id.0,
        input: to_json(&job.input)?,
        tags: to_json(&job.tags)?,
        created_at: job.created_at,
        updated_at: job.updated_at,
        started_at: job.started_at,
        canceled_at: job.canceled_at,
        completed_at: job.completed_at,
        error: job.error.clone(),
        error_code: job.error_code.map(|code| code.to_string()),
        worker_id: job.worker_id.map(Uuid::from),
        lease: job.lease.map(Uuid::from),
        logs_length: job.logs_length,
        logs_overflowed: job.logs_overflowed,
        turn,
    })
}

impl FromRow for ProvisionerJob {
    type Row = provisioner_job::Model;

    fn from_row(row: provisioner_job::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            organization_id: row.organization_id.into(),
            initiator_id: row.initiator_id.into(),
            provisioner: word(TABLE, &row.provisioner)?,
            file_id: row.file_id.into(),
            input: from_json(TABLE, row.input)?,
            tags: from_json(TABLE, row.tags)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
            started_at: row.started_at,
            canceled_at: row.canceled_at,
            completed_at: row.completed_at,
            error: row.error,
            error_code: optional_word(TABLE, row.error_code.as_deref())?,
            worker_id: row.worker_id.map(ProvisionerDaemonId),
            lease: row.lease.map(LeaseId),
            logs_length: row.logs_length,
            logs_overflowed: row.logs_overflowed,
        })
    }
}

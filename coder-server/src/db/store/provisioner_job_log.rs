//! Logs and timings of jobs.

use coder_core::{
    id::ProvisionerJobId,
    provisioner_job::{JobLog, JobTiming, MAX_LOG_BYTES},
    store::StoreResult,
};
use sea_orm::ActiveValue::{NotSet, Set};

use crate::db::{
    convert::{FromRow, word},
    entity::{provisioner_job_log, provisioner_job_timing},
    log_budget::LogBudget,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "provisioner_job_logs";

/// Appends lines while the job's budget lasts.
///
/// The lock on the job's row, kept until the transaction ends, makes lines visible in the order of
/// their ids: a reader that has seen one line will not find an earlier one later.
pub(super) async fn append(
    transaction: &PgTransaction,
    id: ProvisionerJobId,
    lines: &[JobLog],
) -> StoreResult<u64> {
    let mut query =
        Query::new("SELECT logs_length, logs_overflowed FROM provisioner_jobs WHERE id = ");
    query.bind(id.0).push(" FOR UPDATE");
    let Some(row) = transaction.query_rows(&query).await?.into_iter().next() else {
        return Ok(0);
    };
    let (length, overflowed) = (transaction.column(&row, 0)?, transaction.column(&row, 1)?);
    let mut budget = LogBudget {
        length,
        overflowed,
        limit: MAX_LOG_BYTES,
    };
    let kept = lines.iter().filter(|line| budget.take(&line.output));
    let rows = kept.map(|line| provisioner_job_log::ActiveModel {
        id: NotSet,
        job_id: Set(id.0),
        created_at: Set(line.created_at),
        source: Set(line.source.to_string()),
        level: Set(line.level.to_string()),
        stage: Set(line.stage.clone()),
        output: Set(line.output.clone()),
    });
    let rows: Vec<_> = rows.collect();
    let stored = rows.len();
    transaction.insert_rows(rows).await?;
    let mut query = Query::new("UPDATE provisioner_jobs SET logs_length = ");
    query
        .bind(budget.length)
        .push(", logs_overflowed = ")
        .bind(budget.overflowed);
    query.push(" WHERE id = ").bind(id.0);
    transaction.execute(&query).await?;
    Ok(stored as u64)
}

pub(super) async fn read(
    transaction: &PgTransaction,
    id: ProvisionerJobId,
    after: i64,
    before: Option<i64>,
    limit: u32,
) -> StoreResult<Vec<JobLog>> {
    let mut query = Query::new("SELECT * FROM provisioner_job_logs WHERE job_id = ");
    query.bind(id.0).push(" AND id > ").bind(after);
    if let Some(before) = before {
        query.push(" AND id < ").bind(before);
    }
    query.push(" ORDER BY id");
    if limit > 0 {
        query.push(" LIMIT ").bind(i64::from(limit));
    }
    transaction.query_all(&query).await
}

pub(super) async fn append_timings(
    transaction: &PgTransaction,
    id: ProvisionerJobId,
    timings: &[JobTiming],
) -> StoreResult<()> {
    let mut query = Query::new("SELECT EXISTS (SELECT FROM provisioner_jobs WHERE id = ");
    query.bind(id.0).push(")");
    if !transaction.query_value(&query).await?.unwrap_or(false) {
        return Ok(());
    }
    let rows = timings
        .iter()
        .map(|timing| provisioner_job_timing::ActiveModel {
            id: NotSet,
            job_id: Set(id.0),
            started_at: Set(timing.started_at),
            ended_at: Set(timing.ended_at),
            stage: Set(timing.stage.clone()),
            source: Set(timing.source.clone()),
            action: Set(timing.action.clone()),
            resource: Set(timing.resource.clone()),
        });
    transaction.insert_rows(rows.collect()).await
}

pub(super) async fn read_timings(
    transaction: &PgTransaction,
    id: ProvisionerJobId,
) -> StoreResult<Vec<JobTiming>> {
    let mut query = Query::new("SELECT * FROM provisioner_job_timings WHERE job_id = ");
    query.bind(id.0).push(" ORDER BY started_at, id");
    transaction.query_all(&query).await
}

impl FromRow for JobLog {
    type Row = provisioner_job_log::Model;

    fn from_row(row: provisioner_job_log::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id,
            created_at: row.created_at,
            source: word(TABLE, &row.source)?,
            level: word(TABLE, &row.level)?,
            stage: row.stage,
            output: row.output,
        })
    }
}

impl FromRow for JobTiming {
    type Row = provisioner_job_timing::Model;

    fn from_row(row: provisioner_job_timing::Model) -> StoreResult<Self> {
        Ok(Self {
            started_at: row.started_at,
            ended_at: row.ended_at,
            stage: row.stage,
            source: row.source,
            action: row.action,
            resource: row.resource,
        })
    }
}

//! The order of the job queue, see [`job_queue`](coder_core::job_queue).

use coder_core::{
    id::ProvisionerJobId,
    job_queue::QueueState,
    provisioner_job::{ProvisionerJob, QueuePosition},
    store::StoreResult,
};
use sea_orm::entity::prelude::*;

use crate::db::{
    convert::{to_json, uuids},
    query::Query,
    transaction::PgTransaction,
};

/// Jobs of people before those of the system user of prebuilds, then by turn, then the oldest. The index
/// `provisioner_jobs_pending_idx` has the same words, so that a claim reads it from its begin.
pub(super) const ORDER: &str =
    "(initiator_id = 'c42fdf75-3097-471c-8c33-fb52454d81c0'::uuid), turn, created_at, id";

/// Of the locks on numbers, those with which a user's jobs are queued one after the other.
const LOCK_CLASS: i32 = 7_021;

/// The turn of a job that is inserted next in this transaction.
pub(super) async fn next_turn(tx: &PgTransaction, job: &ProvisionerJob) -> StoreResult<i64> {
    // Two at once of one user would not see each other, and share a turn. The lock ends with the
    // transaction; a user whose number is the same by chance only waits.
    let (user, _, _, _) = job.initiator_id.0.as_fields();
    let mut lock = Query::new("SELECT pg_advisory_xact_lock(");
    lock.bind(LOCK_CLASS).push(", ");
    lock.bind(i32::from_ne_bytes(user.to_ne_bytes())).push(")");
    tx.execute(&lock).await?;

    let mut query = Query::new("SELECT coalesce((SELECT min(turn)");
    same_queue(&mut query, job)?;
    query.push(" AND started_at IS NULL), (SELECT max(turn)");
    same_queue(&mut query, job)?;
    query.push(
        "), (SELECT turn FROM provisioner_jobs WHERE started_at IS NULL AND canceled_at IS NULL \
         AND completed_at IS NULL AND organization_id = ",
    );
    query.bind(job.organization_id.0);
    query.push(" ORDER BY ").push(ORDER);
    query.push(" LIMIT 1), 0), (SELECT max(turn)");
    same_queue(&mut query, job)?;
    query
        .push(" AND initiator_id = ")
        .bind(job.initiator_id.0)
        .push(")");
    let rows = tx.query_rows(&query).await?;
    let state = match rows.first() {
        Some(row) => QueueState {
            present: tx.column(row, 0)?,
            own_last: tx.column(row, 1)?,
        },
        None => QueueState::default(),
    };
    Ok(state.next_turn())
}

/// The jobs that are not over of a queue. Tags are compared by their hash, which an index can hold whatever
/// their length; two queues with the same hash would share their turns and nothing else.
fn same_queue(query: &mut Query, job: &ProvisionerJob) -> StoreResult<()> {
    query.push(" FROM provisioner_jobs WHERE completed_at IS NULL AND organization_id = ");
    query.bind(job.organization_id.0);
    query
        .push(" AND provisioner = ")
        .bind(job.provisioner.as_str());
    query.push(" AND jsonb_hash(tags) = jsonb_hash(");
    query.bind(to_json(&job.tags)?).push(")");
    Ok(())
}

/// As [`queue_positions`](coder_core::store::ProvisionerJobStore::queue_positions). Only the queues of these jobs are
/// sorted: 20 ms for one of 10,000 jobs, whatever waits elsewhere.
pub(super) async fn positions(
    tx: &PgTransaction,
    ids: &[ProvisionerJobId],
) -> StoreResult<Vec<(ProvisionerJobId, QueuePosition)>> {
    let mut query = Query::new(
        "SELECT waiting.* FROM (SELECT DISTINCT organization_id, provisioner, \
         jsonb_hash(tags) AS tags_hash FROM provisioner_jobs WHERE id = ANY(",
    );
    query
        .bind(uuids(ids))
        .push(")) AS queue CROSS JOIN LATERAL (SELECT id, row_number() OVER (ORDER BY ");
    query.push(ORDER).push(
        "), count(*) OVER () FROM provisioner_jobs WHERE started_at IS NULL \
         AND canceled_at IS NULL AND completed_at IS NULL \
         AND organization_id = queue.organization_id AND provisioner = queue.provisioner \
         AND jsonb_hash(tags) = queue.tags_hash) AS waiting WHERE waiting.id = ANY(",
    );
    query.bind(uuids(ids)).push(")");
    let rows = tx.query_rows(&query).await?;
    let positions = rows.iter().map(|row| {
        let id: Uuid = tx.column(row, 0)?;
        let (position, size) = (tx.column(row, 1)?, tx.column(row, 2)?);
        Ok((id.into(), QueuePosition { position, size }))
    });
    positions.collect()
}

#[cfg(test)]
mod tests {
    use super::ORDER;
    use coder_core::job_queue::PREBUILDS;

    #[test]
    fn the_order_names_the_user_of_prebuilds() {
        assert!(ORDER.contains(&PREBUILDS.to_string()));
    }
}

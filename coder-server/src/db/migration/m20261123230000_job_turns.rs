//! Users take turns in the job queue.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared(UP)
            .await
            .map(|_| ())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared(DOWN)
            .await
            .map(|_| ())
    }
}

const UP: &str = r#"
ALTER TABLE provisioner_jobs ADD COLUMN turn bigint NOT NULL DEFAULT 0;
ALTER TABLE provisioner_jobs ALTER COLUMN turn DROP DEFAULT;

-- In the order of claims.
DROP INDEX provisioner_jobs_pending_idx;
CREATE INDEX provisioner_jobs_pending_idx ON provisioner_jobs (
    organization_id,
    (initiator_id = 'c42fdf75-3097-471c-8c33-fb52454d81c0'::uuid),
    turn,
    created_at,
    id
) WHERE started_at IS NULL AND canceled_at IS NULL AND completed_at IS NULL;

-- The turns of a queue, and those of one user in it.
CREATE INDEX provisioner_jobs_turn_idx ON provisioner_jobs
    (organization_id, provisioner, jsonb_hash(tags), turn) WHERE completed_at IS NULL;
CREATE INDEX provisioner_jobs_initiator_turn_idx ON provisioner_jobs
    (organization_id, provisioner, jsonb_hash(tags), initiator_id, turn) WHERE completed_at IS NULL;
"#;

const DOWN: &str = r#"
DROP INDEX provisioner_jobs_initiator_turn_idx;
DROP INDEX provisioner_jobs_turn_idx;
DROP INDEX provisioner_jobs_pending_idx;
CREATE INDEX provisioner_jobs_pending_idx ON provisioner_jobs (organization_id, created_at, id)
    WHERE started_at IS NULL AND canceled_at IS NULL AND completed_at IS NULL;
ALTER TABLE provisioner_jobs DROP COLUMN turn;
"#;

//! Archives, daemons and the job queue.

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
CREATE TABLE files (
    id uuid PRIMARY KEY,
    hash text NOT NULL,
    created_by uuid NOT NULL
        REFERENCES users DEFERRABLE INITIALLY DEFERRED,
    created_at timestamptz NOT NULL,
    mimetype text NOT NULL,
    data bytea NOT NULL
);
CREATE UNIQUE INDEX files_hash_created_by_key ON files (hash, created_by);

CREATE TABLE provisioner_daemons (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL
        REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    name text NOT NULL,
    version text NOT NULL,
    api_version text NOT NULL,
    provisioners text[] NOT NULL,
    tags jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz
);
CREATE UNIQUE INDEX provisioner_daemons_organization_id_name_key
    ON provisioner_daemons (organization_id, name);

CREATE TABLE provisioner_jobs (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL
        REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    initiator_id uuid NOT NULL
        REFERENCES users DEFERRABLE INITIALLY DEFERRED,
    provisioner text NOT NULL,
    file_id uuid NOT NULL
        REFERENCES files DEFERRABLE INITIALLY DEFERRED,
    input jsonb NOT NULL,
    tags jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    started_at timestamptz,
    canceled_at timestamptz,
    completed_at timestamptz,
    error text,
    error_code text,
    worker_id uuid,
    lease uuid,
    logs_length bigint NOT NULL,
    logs_overflowed boolean NOT NULL
);
CREATE INDEX provisioner_jobs_pending_idx ON provisioner_jobs (organization_id, created_at, id)
    WHERE started_at IS NULL AND canceled_at IS NULL AND completed_at IS NULL;
CREATE INDEX provisioner_jobs_running_idx ON provisioner_jobs (updated_at) WHERE completed_at IS NULL;
CREATE INDEX provisioner_jobs_organization_id_idx ON provisioner_jobs (organization_id, created_at);
CREATE INDEX provisioner_jobs_worker_id_idx ON provisioner_jobs (worker_id, completed_at);

CREATE TABLE provisioner_job_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL
        REFERENCES provisioner_jobs DEFERRABLE INITIALLY DEFERRED,
    created_at timestamptz NOT NULL,
    source text NOT NULL,
    level text NOT NULL,
    stage text NOT NULL,
    output text NOT NULL
);
CREATE INDEX provisioner_job_logs_job_id_idx ON provisioner_job_logs (job_id, id);

CREATE TABLE provisioner_job_timings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL
        REFERENCES provisioner_jobs DEFERRABLE INITIALLY DEFERRED,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    stage text NOT NULL,
    source text NOT NULL,
    action text NOT NULL,
    resource text NOT NULL
);
CREATE INDEX provisioner_job_timings_job_id_idx ON provisioner_job_timings (job_id, started_at);
"#;

const DOWN: &str = r#"
DROP TABLE provisioner_job_timings;
DROP TABLE provisioner_job_logs;
DROP TABLE provisioner_jobs;
DROP TABLE provisioner_daemons;
DROP TABLE files;
"#;

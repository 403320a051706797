//! Workspaces and builds.

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
CREATE TABLE workspaces (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL
        REFERENCES users DEFERRABLE INITIALLY DEFERRED,
    organization_id uuid NOT NULL
        REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    template_id uuid NOT NULL
        REFERENCES templates DEFERRABLE INITIALLY DEFERRED,
    name text NOT NULL,
    autostart_schedule text,
    ttl_ms bigint,
    last_used_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted boolean NOT NULL,
    dormant_at timestamptz,
    deleting_at timestamptz,
    automatic_updates text NOT NULL,
    favorite boolean NOT NULL,
    next_start_at timestamptz
);
CREATE UNIQUE INDEX workspaces_owner_id_name_key ON workspaces (owner_id, lower(name))
    WHERE NOT deleted;
CREATE INDEX workspaces_owner_id_idx ON workspaces (owner_id);
CREATE INDEX workspaces_template_id_idx ON workspaces (template_id) WHERE NOT deleted;

CREATE TABLE workspace_builds (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL
        REFERENCES workspaces DEFERRABLE INITIALLY DEFERRED,
    template_version_id uuid NOT NULL
        REFERENCES template_versions DEFERRABLE INITIALLY DEFERRED,
    build_number integer NOT NULL,
    transition text NOT NULL,
    initiator_id uuid NOT NULL
        REFERENCES users DEFERRABLE INITIALLY DEFERRED,
    job_id uuid NOT NULL
        REFERENCES provisioner_jobs DEFERRABLE INITIALLY DEFERRED,
    deadline timestamptz,
    max_deadline timestamptz,
    reason text NOT NULL,
    daily_cost integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX workspace_builds_workspace_id_build_number_key
    ON workspace_builds (workspace_id, build_number);
CREATE UNIQUE INDEX workspace_builds_job_id_key ON workspace_builds (job_id);

CREATE TABLE workspace_build_parameters (
    workspace_build_id uuid NOT NULL
        REFERENCES workspace_builds DEFERRABLE INITIALLY DEFERRED,
    name text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (workspace_build_id, name)
);

CREATE TABLE workspace_build_states (
    workspace_build_id uuid PRIMARY KEY
        REFERENCES workspace_builds DEFERRABLE INITIALLY DEFERRED,
    state bytea NOT NULL
);
"#;

const DOWN: &str = r#"
DROP TABLE workspace_build_states;
DROP TABLE workspace_build_parameters;
DROP TABLE workspace_builds;
DROP TABLE workspaces;
"#;

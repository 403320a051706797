//! Resources and agents with their logs, metadata, scripts and apps.

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
CREATE TABLE workspace_resources (
    id uuid PRIMARY KEY,
    job_id uuid NOT NULL
        REFERENCES provisioner_jobs DEFERRABLE INITIALLY DEFERRED,
    created_at timestamptz NOT NULL,
    transition text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    hide boolean NOT NULL,
    icon text NOT NULL,
    daily_cost integer NOT NULL,
    instance_type text NOT NULL,
    module_path text NOT NULL,
    metadata jsonb NOT NULL
);
CREATE INDEX workspace_resources_job_id_idx ON workspace_resources (job_id);

CREATE TABLE workspace_agents (
    id uuid PRIMARY KEY,
    parent_id uuid
        REFERENCES workspace_agents DEFERRABLE INITIALLY DEFERRED,
    resource_id uuid NOT NULL
        REFERENCES workspace_resources DEFERRABLE INITIALLY DEFERRED,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    first_connected_at timestamptz,
    last_connected_at timestamptz,
    disconnected_at timestamptz,
    started_at timestamptz,
    ready_at timestamptz,
    auth_token_hash bytea CHECK (length(auth_token_hash) = 32),
    auth_instance_id text,
    architecture text NOT NULL,
    operating_system text NOT NULL,
    environment_variables jsonb NOT NULL,
    directory text NOT NULL,
    expanded_directory text NOT NULL,
    version text NOT NULL,
    api_version text NOT NULL,
    connection_timeout_seconds integer NOT NULL,
    troubleshooting_url text NOT NULL,
    motd_file text NOT NULL,
    lifecycle_state text NOT NULL,
    logs_length bigint NOT NULL,
    logs_overflowed boolean NOT NULL,
    subsystems text[] NOT NULL,
    display_apps text[] NOT NULL,
    api_key_scope text NOT NULL,
    display_order integer NOT NULL,
    startup_script_behavior text NOT NULL,
    deleted boolean NOT NULL
);
CREATE UNIQUE INDEX workspace_agents_auth_token_hash_key ON workspace_agents (auth_token_hash)
    WHERE NOT deleted;
CREATE INDEX workspace_agents_resource_id_idx ON workspace_agents (resource_id);

CREATE TABLE workspace_agent_log_sources (
    agent_id uuid NOT NULL
        REFERENCES workspace_agents DEFERRABLE INITIALLY DEFERRED,
    id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    display_name text NOT NULL,
    icon text NOT NULL,
    PRIMARY KEY (agent_id, id)
);

CREATE TABLE workspace_agent_logs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id uuid NOT NULL
        REFERENCES workspace_agents DEFERRABLE INITIALLY DEFERRED,
    created_at timestamptz NOT NULL,
    output text NOT NULL,
    level text NOT NULL,
    source_id uuid NOT NULL
);
CREATE INDEX workspace_agent_logs_agent_id_idx ON workspace_agent_logs (agent_id, id);

CREATE TABLE workspace_agent_metadata (
    agent_id uuid NOT NULL
        REFERENCES workspace_agents DEFERRABLE INITIALLY DEFERRED,
    key text NOT NULL,
    display_name text NOT NULL,
    script text NOT NULL,
    interval bigint NOT NULL,
    timeout bigint NOT NULL,
    display_order integer NOT NULL,
    value text NOT NULL,
    error text NOT NULL,
    collected_at timestamptz,
    PRIMARY KEY (agent_id, key)
);

CREATE TABLE workspace_agent_scripts (
    id uuid PRIMARY KEY,
    agent_id uuid NOT NULL
        REFERENCES workspace_agents DEFERRABLE INITIALLY DEFERRED,
    log_source_id uuid NOT NULL,
    log_path text NOT NULL,
    script text NOT NULL,
    cron text NOT NULL,
    run_on_start boolean NOT NULL,
    run_on_stop boolean NOT NULL,
    start_blocks_login boolean NOT NULL,
    timeout_seconds integer NOT NULL,
    display_name text NOT NULL
);
CREATE INDEX workspace_agent_scripts_agent_id_idx ON workspace_agent_scripts (agent_id);

CREATE TABLE workspace_agent_script_timings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    script_id uuid NOT NULL
        REFERENCES workspace_agent_scripts DEFERRABLE INITIALLY DEFERRED,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    exit_code integer NOT NULL,
    stage text NOT NULL,
    status text NOT NULL
);
CREATE INDEX workspace_agent_script_timings_script_id_idx
    ON workspace_agent_script_timings (script_id);

CREATE TABLE workspace_apps (
    id uuid PRIMARY KEY,
    agent_id uuid NOT NULL
        REFERENCES workspace_agents DEFERRABLE INITIALLY DEFERRED,
    slug text NOT NULL,
    display_name text NOT NULL,
    icon text NOT NULL,
    url text NOT NULL,
    command text NOT NULL,
    external boolean NOT NULL,
    subdomain boolean NOT NULL,
    sharing_level text NOT NULL,
    healthcheck_url text NOT NULL,
    healthcheck_interval integer NOT NULL,
    healthcheck_threshold integer NOT NULL,
    health text NOT NULL,
    hidden boolean NOT NULL,
    open_in text NOT NULL,
    "group" text NOT NULL,
    tooltip text NOT NULL,
    display_order integer NOT NULL
);
CREATE UNIQUE INDEX workspace_apps_agent_id_slug_key ON workspace_apps (agent_id, slug);
"#;

const DOWN: &str = r#"
DROP TABLE workspace_apps;
DROP TABLE workspace_agent_script_timings;
DROP TABLE workspace_agent_scripts;
DROP TABLE workspace_agent_metadata;
DROP TABLE workspace_agent_logs;
DROP TABLE workspace_agent_log_sources;
DROP TABLE workspace_agents;
DROP TABLE workspace_resources;
"#;

//! What agents tell of their life: the start of their scripts that their states belong to, the last lines of scripts
//! that failed, the use of workspaces and of their resources, and connections.

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
ALTER TABLE workspace_agents ADD COLUMN run_id uuid;

ALTER TABLE workspace_agent_script_timings ADD COLUMN last_lines text NOT NULL DEFAULT '';
ALTER TABLE workspace_agent_script_timings ALTER COLUMN last_lines DROP DEFAULT;
-- A run that was told twice is one run.
DELETE FROM workspace_agent_script_timings a USING workspace_agent_script_timings b
    WHERE a.script_id = b.script_id AND a.started_at = b.started_at AND a.id > b.id;
DROP INDEX workspace_agent_script_timings_script_id_idx;
CREATE UNIQUE INDEX workspace_agent_script_timings_script_id_started_at_key
    ON workspace_agent_script_timings (script_id, started_at);

CREATE TABLE workspace_agent_stats (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL,
    agent_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL,
    template_id uuid NOT NULL,
    connections_by_proto jsonb NOT NULL,
    connection_count bigint NOT NULL,
    connection_median_latency_ms double precision,
    rx_packets bigint NOT NULL,
    rx_bytes bigint NOT NULL,
    tx_packets bigint NOT NULL,
    tx_bytes bigint NOT NULL,
    session_count_vscode bigint NOT NULL,
    session_count_jetbrains bigint NOT NULL,
    session_count_reconnecting_pty bigint NOT NULL,
    session_count_ssh bigint NOT NULL
);
CREATE INDEX workspace_agent_stats_created_at_idx ON workspace_agent_stats (created_at);

CREATE TABLE workspace_agent_resource_monitors (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agent_id uuid NOT NULL
        REFERENCES workspace_agents DEFERRABLE INITIALLY DEFERRED,
    volume text NOT NULL,
    enabled boolean NOT NULL,
    threshold integer NOT NULL,
    state text NOT NULL,
    debounced_until timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
-- That of the memory has an empty one.
CREATE UNIQUE INDEX workspace_agent_resource_monitors_agent_id_volume_key
    ON workspace_agent_resource_monitors (agent_id, volume);

-- Kept longer than what it names.
CREATE TABLE connection_logs (
    id uuid PRIMARY KEY,
    connect_time timestamptz NOT NULL,
    organization_id uuid NOT NULL,
    workspace_owner_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    workspace_name text NOT NULL,
    agent_name text NOT NULL,
    ip text,
    kind text NOT NULL,
    connection_id uuid NOT NULL,
    disconnect_time timestamptz,
    disconnect_reason text NOT NULL,
    exit_code integer
);
CREATE UNIQUE INDEX connection_logs_connection_id_workspace_id_agent_name_key
    ON connection_logs (connection_id, workspace_id, agent_name);
CREATE INDEX connection_logs_connect_time_idx ON connection_logs (connect_time, id);
CREATE INDEX connection_logs_workspace_owner_id_idx ON connection_logs (workspace_owner_id);
CREATE INDEX connection_logs_workspace_id_idx ON connection_logs (workspace_id);
"#;

const DOWN: &str = r#"
DROP TABLE connection_logs;
DROP TABLE workspace_agent_resource_monitors;
DROP TABLE workspace_agent_stats;

DROP INDEX workspace_agent_script_timings_script_id_started_at_key;
CREATE INDEX workspace_agent_script_timings_script_id_idx
    ON workspace_agent_script_timings (script_id);
ALTER TABLE workspace_agent_script_timings DROP COLUMN last_lines;
ALTER TABLE workspace_agents DROP COLUMN run_id;
"#;

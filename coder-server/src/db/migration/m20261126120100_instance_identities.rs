//! Agents that are known by their machine.

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
CREATE INDEX workspace_agents_auth_instance_id_idx ON workspace_agents (auth_instance_id)
    WHERE NOT deleted AND auth_instance_id IS NOT NULL;

CREATE TABLE instance_identities (
    instance_id text NOT NULL,
    agent_name text NOT NULL,
    workspace_id uuid NOT NULL
        REFERENCES workspaces DEFERRABLE INITIALLY DEFERRED,
    issued_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL,
    PRIMARY KEY (instance_id, agent_name)
);

CREATE TABLE workspace_agent_tokens (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    agent_id uuid NOT NULL
        REFERENCES workspace_agents DEFERRABLE INITIALLY DEFERRED,
    created_at timestamptz NOT NULL
);
CREATE INDEX workspace_agent_tokens_agent_id_idx ON workspace_agent_tokens (agent_id);
"#;

const DOWN: &str = r#"
DROP TABLE workspace_agent_tokens;
DROP TABLE instance_identities;
DROP INDEX workspace_agents_auth_instance_id_idx;
"#;

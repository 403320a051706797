//! Dev containers, and the agents inside them.

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
CREATE INDEX workspace_agents_parent_id_idx ON workspace_agents (parent_id)
    WHERE parent_id IS NOT NULL;

CREATE TABLE workspace_agent_devcontainers (
    id uuid PRIMARY KEY,
    agent_id uuid NOT NULL
        REFERENCES workspace_agents DEFERRABLE INITIALLY DEFERRED,
    created_at timestamptz NOT NULL,
    name text NOT NULL,
    workspace_folder text NOT NULL,
    config_path text NOT NULL,
    subagent_id uuid
        REFERENCES workspace_agents DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX workspace_agent_devcontainers_agent_id_idx
    ON workspace_agent_devcontainers (agent_id);
"#;

const DOWN: &str = r#"
DROP TABLE workspace_agent_devcontainers;
DROP INDEX workspace_agents_parent_id_idx;
"#;

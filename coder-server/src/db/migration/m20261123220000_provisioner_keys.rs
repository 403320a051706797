//! Keys with which daemons join.

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
CREATE TABLE provisioner_keys (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL
        REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    tags jsonb NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX provisioner_keys_organization_id_name_key
    ON provisioner_keys (organization_id, lower(name));
CREATE UNIQUE INDEX provisioner_keys_secret_hash_key ON provisioner_keys (secret_hash);

-- No reference: a daemon outlives its key. Those that are there already run inside a server.
ALTER TABLE provisioner_daemons
    ADD COLUMN key_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001';
ALTER TABLE provisioner_daemons ALTER COLUMN key_id DROP DEFAULT;
"#;

const DOWN: &str = r#"
ALTER TABLE provisioner_daemons DROP COLUMN key_id;
DROP TABLE provisioner_keys;
"#;

//! Deleted keys whose daemons still run jobs.

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
ALTER TABLE provisioner_keys ADD COLUMN deleted_at timestamptz;
DROP INDEX provisioner_keys_organization_id_name_key;
CREATE UNIQUE INDEX provisioner_keys_organization_id_name_key
    ON provisioner_keys (organization_id, lower(name)) WHERE deleted_at IS NULL;
"#;

const DOWN: &str = r#"
DELETE FROM provisioner_keys WHERE deleted_at IS NOT NULL;
DROP INDEX provisioner_keys_organization_id_name_key;
CREATE UNIQUE INDEX provisioner_keys_organization_id_name_key
    ON provisioner_keys (organization_id, lower(name));
ALTER TABLE provisioner_keys DROP COLUMN deleted_at;
"#;

//! Presets of template versions, and what versions ask of the deployment.

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
CREATE TABLE template_version_presets (
    id uuid PRIMARY KEY,
    template_version_id uuid NOT NULL
        REFERENCES template_versions DEFERRABLE INITIALLY DEFERRED,
    position integer NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    icon text NOT NULL,
    is_default boolean NOT NULL,
    prebuild_instances integer,
    parameters jsonb NOT NULL
);
CREATE UNIQUE INDEX template_version_presets_template_version_id_name_key
    ON template_version_presets (template_version_id, name);

CREATE TABLE template_version_terraform_values (
    template_version_id uuid PRIMARY KEY
        REFERENCES template_versions DEFERRABLE INITIALLY DEFERRED,
    external_auth_providers jsonb NOT NULL,
    workspace_tags jsonb NOT NULL,
    module_files uuid
        REFERENCES files DEFERRABLE INITIALLY DEFERRED
);

ALTER TABLE workspace_builds ADD COLUMN template_version_preset_id uuid
    REFERENCES template_version_presets DEFERRABLE INITIALLY DEFERRED;
"#;

const DOWN: &str = r#"
ALTER TABLE workspace_builds DROP COLUMN template_version_preset_id;
DROP TABLE template_version_terraform_values;
DROP TABLE template_version_presets;
"#;

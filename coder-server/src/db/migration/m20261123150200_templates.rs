//! Templates, their versions, parameters and variables.

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
CREATE TABLE templates (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL
        REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    name text NOT NULL,
    display_name text NOT NULL,
    description text NOT NULL,
    icon text NOT NULL,
    provisioner text NOT NULL,
    active_version_id uuid NOT NULL,
    created_by uuid NOT NULL
        REFERENCES users DEFERRABLE INITIALLY DEFERRED,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted boolean NOT NULL,
    policy jsonb NOT NULL
);
CREATE UNIQUE INDEX templates_organization_id_name_key ON templates (organization_id, lower(name))
    WHERE NOT deleted;

CREATE TABLE template_versions (
    id uuid PRIMARY KEY,
    template_id uuid
        REFERENCES templates DEFERRABLE INITIALLY DEFERRED,
    organization_id uuid NOT NULL
        REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    name text NOT NULL,
    message text NOT NULL,
    readme text NOT NULL,
    job_id uuid NOT NULL
        REFERENCES provisioner_jobs DEFERRABLE INITIALLY DEFERRED,
    created_by uuid NOT NULL
        REFERENCES users DEFERRABLE INITIALLY DEFERRED,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    archived boolean NOT NULL,
    has_external_agent boolean NOT NULL
);
CREATE UNIQUE INDEX template_versions_template_id_name_key
    ON template_versions (template_id, lower(name));
CREATE INDEX template_versions_template_id_created_at_idx
    ON template_versions (template_id, created_at);
CREATE UNIQUE INDEX template_versions_job_id_key ON template_versions (job_id);

CREATE TABLE template_version_parameters (
    template_version_id uuid NOT NULL
        REFERENCES template_versions DEFERRABLE INITIALLY DEFERRED,
    name text NOT NULL,
    display_order bigint NOT NULL,
    definition jsonb NOT NULL,
    PRIMARY KEY (template_version_id, name)
);

CREATE TABLE template_version_variables (
    template_version_id uuid NOT NULL
        REFERENCES template_versions DEFERRABLE INITIALLY DEFERRED,
    name text NOT NULL,
    position integer NOT NULL,
    description text NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    default_value text NOT NULL,
    required boolean NOT NULL,
    sensitive boolean NOT NULL,
    PRIMARY KEY (template_version_id, name)
);

ALTER TABLE templates ADD FOREIGN KEY (active_version_id)
    REFERENCES template_versions DEFERRABLE INITIALLY DEFERRED;
"#;

const DOWN: &str = r#"
ALTER TABLE templates DROP CONSTRAINT templates_active_version_id_fkey;
DROP TABLE template_version_variables;
DROP TABLE template_version_parameters;
DROP TABLE template_versions;
DROP TABLE templates;
"#;

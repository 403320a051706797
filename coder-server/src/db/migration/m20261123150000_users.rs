//! Users, organizations, keys and settings.

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
CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    username text NOT NULL,
    name text NOT NULL,
    avatar_url text NOT NULL,
    password_hash text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    last_seen_at timestamptz,
    status text NOT NULL,
    login_type text NOT NULL,
    roles text[] NOT NULL,
    deleted boolean NOT NULL
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email)) WHERE NOT deleted;
CREATE UNIQUE INDEX users_username_key ON users (lower(username)) WHERE NOT deleted;

CREATE TABLE organizations (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    display_name text NOT NULL,
    description text NOT NULL,
    icon text NOT NULL,
    is_default boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX organizations_name_key ON organizations (lower(name));
CREATE UNIQUE INDEX organizations_is_default_key ON organizations (is_default) WHERE is_default;

CREATE TABLE organization_members (
    organization_id uuid NOT NULL
        REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    user_id uuid NOT NULL
        REFERENCES users DEFERRABLE INITIALLY DEFERRED,
    roles text[] NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX organization_members_user_id_idx ON organization_members (user_id);

CREATE TABLE api_keys (
    id text PRIMARY KEY,
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    user_id uuid NOT NULL
        REFERENCES users DEFERRABLE INITIALLY DEFERRED,
    last_used timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    login_type text NOT NULL,
    lifetime_seconds bigint NOT NULL,
    scopes text[] NOT NULL,
    token_name text NOT NULL
);
CREATE UNIQUE INDEX api_keys_user_id_token_name_key ON api_keys (user_id, token_name)
    WHERE token_name <> '';
CREATE INDEX api_keys_user_id_idx ON api_keys (user_id);
CREATE INDEX api_keys_expires_at_idx ON api_keys (expires_at);

CREATE TABLE settings (
    key text PRIMARY KEY,
    value text NOT NULL
);
"#;

const DOWN: &str = r#"
DROP TABLE settings;
DROP TABLE api_keys;
DROP TABLE organization_members;
DROP TABLE organizations;
DROP TABLE users;
"#;

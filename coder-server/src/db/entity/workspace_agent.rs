//! Agents.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_agents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub parent_id: Option<Uuid>,
    pub resource_id: Uuid,
    pub name: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub first_connected_at: Option<DateTimeUtc>,
    pub last_connected_at: Option<DateTimeUtc>,
    pub disconnected_at: Option<DateTimeUtc>,
    pub started_at: Option<DateTimeUtc>,
    pub ready_at: Option<DateTimeUtc>,
    pub auth_token_hash: Option<Vec<u8>>,
    pub auth_instance_id: Option<String>,
    pub architecture: String,
    pub operating_system: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub environment_variables: Json,
    pub directory: String,
    pub expanded_directory: String,
    pub version: String,
    pub api_version: String,
    pub connection_timeout_seconds: i32,
    pub troubleshooting_url: String,
    pub motd_file: String,
    pub run_id: Option<Uuid>,
    pub lifecycle_state: String,
    pub logs_length: i64,
    pub logs_overflowed: bool,
    pub subsystems: Vec<String>,
    pub display_apps: Vec<String>,
    pub api_key_scope: String,
    pub display_order: i32,
    pub startup_script_behavior: String,
    pub deleted: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

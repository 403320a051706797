//! Who was connected to workspaces.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "connection_logs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub connect_time: DateTimeUtc,
    pub organization_id: Uuid,
    pub workspace_owner_id: Uuid,
    pub workspace_id: Uuid,
    pub workspace_name: String,
    pub agent_name: String,
    pub ip: Option<String>,
    pub kind: String,
    pub connection_id: Uuid,
    pub disconnect_time: Option<DateTimeUtc>,
    pub disconnect_reason: String,
    pub exit_code: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

//! Lines of agent logs.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_agent_logs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub agent_id: Uuid,
    pub created_at: DateTimeUtc,
    pub output: String,
    pub level: String,
    pub source_id: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

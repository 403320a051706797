//! Resources of builds and template imports.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_resources")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub job_id: Uuid,
    pub created_at: DateTimeUtc,
    pub transition: String,
    pub kind: String,
    pub name: String,
    pub hide: bool,
    pub icon: String,
    pub daily_cost: i32,
    pub instance_type: String,
    pub module_path: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub metadata: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

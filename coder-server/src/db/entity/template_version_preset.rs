//! Presets of template versions.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "template_version_presets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub template_version_id: Uuid,
    pub position: i32,
    pub name: String,
    pub description: String,
    pub icon: String,
    pub is_default: bool,
    pub prebuild_instances: Option<i32>,
    #[sea_orm(column_type = "JsonBinary")]
    pub parameters: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

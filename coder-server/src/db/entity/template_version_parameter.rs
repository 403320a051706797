//! Parameters of template versions.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "template_version_parameters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub template_version_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub display_order: i64,
    #[sea_orm(column_type = "JsonBinary")]
    pub definition: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

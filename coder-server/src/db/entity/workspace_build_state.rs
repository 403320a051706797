//! The Terraform state after a build.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_build_states")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_build_id: Uuid,
    pub state: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

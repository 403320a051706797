//! Builds.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace_builds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub template_version_id: Uuid,
    pub template_version_preset_id: Option<Uuid>,
    pub build_number: i32,
    pub transition: String,
    pub initiator_id: Uuid,
    pub job_id: Uuid,
    pub deadline: Option<DateTimeUtc>,
    pub max_deadline: Option<DateTimeUtc>,
    pub reason: String,
    pub daily_cost: i32,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

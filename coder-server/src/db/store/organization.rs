//! Organizations and memberships.

use async_trait::async_trait;
use coder_core::{
    id::{OrganizationId, UserId},
    organization::{Organization, OrganizationMember},
    store::{OrganizationStore, StoreResult},
};
use sea_orm::{QueryOrder as _, entity::prelude::*};

use crate::db::{
    convert::{FromRow, uuids},
    entity::{organization, organization_member},
    query::Query,
    transaction::PgTransaction,
};

#[async_trait]
impl OrganizationStore for PgTransaction {
    async fn insert(&mut self, organization: &Organization) -> StoreResult<()> {
        self.insert_row(organization::Model {
            id: organization.id.0,
            name: organization.name.clone(),
            display_name: organization.display_name.clone(),
            description: organization.description.clone(),
            icon: organization.icon.clone(),
            is_default: organization.is_default,
            created_at: organization.created_at,
            updated_at: organization.updated_at,
        })
        .await
    }

    async fn get(&mut self, id: OrganizationId) -> StoreResult<Option<Organization>> {
        self.find_one(organization::Entity::find_by_id(id.0)).await
    }

    async fn get_many(&mut self, ids: &[OrganizationId]) -> StoreResult<Vec<Organization>> {
        let select = organization::Entity::find();
        self.find_all(select.filter(organization::Column::Id.eq_any(uuids(ids))))
            .await
    }

    async fn by_name(&mut self, name: &str) -> StoreResult<Option<Organization>> {
        let mut query = Query::new("SELECT * FROM organizations WHERE lower(name) = lower(");
        query.bind(name).push(")");
        self.query_one(&query).await
    }

    async fn default_organization(&mut self) -> StoreResult<Option<Organization>> {
        let select = organization::Entity::find();
        self.find_one(select.filter(organization::Column::IsDefault.eq(true)))
            .await
    }

    async fn list(&mut self) -> StoreResult<Vec<Organization>> {
        let text = "SELECT * FROM organizations ORDER BY lower(name) COLLATE \"C\"";
        self.query_all(&Query::new(text)).await
    }

    async fn insert_member(&mut self, member: &OrganizationMember) -> StoreResult<()> {
        self.insert_row(organization_member::Model {
            organization_id: member.organization_id.0,
            user_id: member.user_id.0,
            roles: member.roles.clone(),
            created_at: member.created_at,
            updated_at: member.updated_at,
        })
        .await
    }

    async fn member(
        &mut self,
        organization: OrganizationId,
        user: UserId,
    ) -> StoreResult<Option<OrganizationMember>> {
        let key = (organization.0, user.0);
        self.find_one(organization_member::Entity::find_by_id(key))
            .await
    }

    async fn memberships(&mut self, users: &[UserId]) -> StoreResult<Vec<OrganizationMember>> {
        self.find_all(
            organization_member::Entity::find()
                .filter(organization_member::Column::UserId.eq_any(uuids(users)))
                .order_by_asc(organization_member::Column::OrganizationId)
                .order_by_asc(organization_member::Column::UserId),
        )
        .await
    }

    async fn members(
        &mut self,
        organization: OrganizationId,
    ) -> StoreResult<Vec<OrganizationMember>> {
        self.find_all(
            organization_member::Entity::find()
                .filter(organization_member::Column::OrganizationId.eq(organization.0))
                .order_by_asc(organization_member::Column::UserId),
        )
        .await
    }

    async fn update_member(&mut self, member: &OrganizationMember) -> StoreResult<()> {
        let mut query = Query::new("UPDATE organization_members SET roles = ");
        query
            .bind(member.roles.clone())
            .push(", updated_at = ")
            .bind(member.updated_at);
        query
            .push(" WHERE organization_id = ")
            .bind(member.organization_id.0);
        query.push(" AND user_id = ").bind(member.user_id.0);
        self.execute(&query).await.map(|_| ())
    }

    async fn delete_member(
        &mut self,
        organization: OrganizationId,
        user: UserId,
    ) -> StoreResult<()> {
        let mut query = Query::new("DELETE FROM organization_members WHERE organization_id = ");
        query
            .bind(organization.0)
            .push(" AND user_id = ")
            .bind(user.0);
        self.execute(&query).await.map(|_| ())
    }
}

impl FromRow for Organization {
    type Row = organization::Model;

    fn from_row(row: organization::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            name: row.name,
            display_name: row.display_name,
            description: row.description,
            icon: row.icon,
            is_default: row.is_default,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl FromRow for OrganizationMember {
    type Row = organization_member::Model;

    fn from_row(row: organization_member::Model) -> StoreResult<Self> {
        Ok(Self {
            organization_id: row.organization_id.into(),
            user_id: row.user_id.into(),
            roles: row.roles,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

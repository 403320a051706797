//! Keys with which daemons join.

use async_trait::async_trait;
use coder_core::{
    Timestamp,
    id::{OrganizationId, ProvisionerKeyId},
    provisioner_key::ProvisionerKey,
    secret::TokenHash,
    store::{ProvisionerKeyStore, StoreResult},
};
use sea_orm::{QueryOrder as _, entity::prelude::*};

use crate::db::{
    convert::{FromRow, from_json, to_json, token_hash},
    entity::provisioner_key,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "provisioner_keys";

#[async_trait]
impl ProvisionerKeyStore for PgTransaction {
    async fn insert(&mut self, key: &ProvisionerKey) -> StoreResult<()> {
        self.insert_row(provisioner_key::Model {
            id: key.id.0,
            organization_id: key.organization_id.0,
            name: key.name.clone(),
            secret_hash: key.secret_hash.0.to_vec(),
            tags: to_json(&key.tags)?,
            created_at: key.created_at,
            deleted_at: key.deleted_at,
        })
        .await
    }

    async fn get(&mut self, id: ProvisionerKeyId) -> StoreResult<Option<ProvisionerKey>> {
        let select = provisioner_key::Entity::find_by_id(id.0);
        self.find_one(select.filter(provisioner_key::Column::DeletedAt.is_null()))
            .await
    }

    async fn by_name(
        &mut self,
        organization: OrganizationId,
        name: &str,
    ) -> StoreResult<Option<ProvisionerKey>> {
        let mut query = Query::new("SELECT * FROM provisioner_keys WHERE organization_id = ");
        query.bind(organization.0);
        query.push(" AND lower(name) = lower(").bind(name);
        query.push(") AND deleted_at IS NULL");
        self.query_one(&query).await
    }

    async fn by_secret(&mut self, hash: TokenHash) -> StoreResult<Option<ProvisionerKey>> {
        let select = provisioner_key::Entity::find();
        self.find_one(select.filter(provisioner_key::Column::SecretHash.eq(hash.0.to_vec())))
            .await
    }

    async fn list(&mut self, organization: OrganizationId) -> StoreResult<Vec<ProvisionerKey>> {
        self.find_all(
            provisioner_key::Entity::find()
                .filter(provisioner_key::Column::OrganizationId.eq(organization.0))
                .filter(provisioner_key::Column::DeletedAt.is_null())
                .order_by_asc(provisioner_key::Column::CreatedAt)
                .order_by_asc(provisioner_key::Column::Id),
        )
        .await
    }

    async fn retire(&mut self, id: ProvisionerKeyId, now: Timestamp) -> StoreResult<()> {
        let mut query = Query::new("UPDATE provisioner_keys SET deleted_at = ");
        query.bind(now).push(" WHERE id = ").bind(id.0);
        self.execute(&query).await.map(|_| ())
    }

    async fn retired(&mut self, organization: OrganizationId) -> StoreResult<Vec<ProvisionerKey>> {
        self.find_all(
            provisioner_key::Entity::find()
                .filter(provisioner_key::Column::OrganizationId.eq(organization.0))
                .filter(provisioner_key::Column::DeletedAt.is_not_null())
                .order_by_asc(provisioner_key::Column::Id),
        )
        .await
    }

    async fn delete(&mut self, id: ProvisionerKeyId) -> StoreResult<()> {
        let mut query = Query::new("DELETE FROM provisioner_keys WHERE id = ");
        self.execute(query.bind(id.0)).await.map(|_| ())
    }
}

impl FromRow for ProvisionerKey {
    type Row = provisioner_key::Model;

    fn from_row(row: provisioner_key::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            organization_id: row.organization_id.into(),
            name: row.name,
            secret_hash: token_hash(TABLE, &row.secret_hash)?,
            tags: from_json(TABLE, row.tags)?,
            created_at: row.created_at,
            deleted_at: row.deleted_at,
        })
    }
}

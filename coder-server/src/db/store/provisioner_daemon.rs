//! Daemons.

use async_trait::async_trait;
use coder_core::{
    Timestamp,
    id::{OrganizationId, ProvisionerDaemonId},
    provisioner_daemon::ProvisionerDaemon,
    store::{ProvisionerDaemonStore, StoreError, StoreResult},
};
use sea_orm::{QueryOrder as _, entity::prelude::*};

use crate::db::{
    convert::{FromRow, from_json, to_json, uuids, word},
    entity::provisioner_daemon,
    query::Query,
    transaction::PgTransaction,
};

const TABLE: &str = "provisioner_daemons";

#[async_trait]
impl ProvisionerDaemonStore for PgTransaction {
    async fn upsert(&mut self, daemon: &ProvisionerDaemon) -> StoreResult<ProvisionerDaemon> {
        let provisioners: Vec<String> = daemon
            .provisioners
            .iter()
            .map(ToString::to_string)
            .collect();
        let mut query = Query::new(
            "INSERT INTO provisioner_daemons (id, organization_id, name, version, api_version, \
             provisioners, tags, created_at, last_seen_at, key_id) VALUES (",
        );
        query
            .bind(daemon.id.0)
            .push(", ")
            .bind(daemon.organization_id.0);
        query.push(", ").bind(daemon.name.as_str());
        query.push(", ").bind(daemon.version.as_str());
        query.push(", ").bind(daemon.api_version.as_str());
        query
            .push(", ")
            .bind(provisioners)
            .push(", ")
            .bind(to_json(&daemon.tags)?);
        query
            .push(", ")
            .bind(daemon.created_at)
            .push(", ")
            .bind(daemon.last_seen_at)
            .push(", ")
            .bind(daemon.key_id.0);
        query.push(
            ") ON CONFLICT (organization_id, name) DO UPDATE SET version = excluded.version, \
             api_version = excluded.api_version, provisioners = excluded.provisioners, \
             tags = excluded.tags, last_seen_at = excluded.last_seen_at, \
             key_id = excluded.key_id RETURNING *",
        );
        let stored = self.query_one(&query).await?;
        stored.ok_or_else(|| StoreError::Backend("an upsert answered no row".into()))
    }

    async fn get(&mut self, id: ProvisionerDaemonId) -> StoreResult<Option<ProvisionerDaemon>> {
        self.find_one(provisioner_daemon::Entity::find_by_id(id.0))
            .await
    }

    async fn get_many(
        &mut self,
        ids: &[ProvisionerDaemonId],
    ) -> StoreResult<Vec<ProvisionerDaemon>> {
        let select = provisioner_daemon::Entity::find();
        self.find_all(select.filter(provisioner_daemon::Column::Id.eq_any(uuids(ids))))
            .await
    }

    async fn list(&mut self, organization: OrganizationId) -> StoreResult<Vec<ProvisionerDaemon>> {
        self.find_all(
            provisioner_daemon::Entity::find()
                .filter(provisioner_daemon::Column::OrganizationId.eq(organization.0))
                .order_by_asc(provisioner_daemon::Column::CreatedAt)
                .order_by_asc(provisioner_daemon::Column::Id),
        )
        .await
    }

    async fn touch(&mut self, id: ProvisionerDaemonId, seen: Timestamp) -> StoreResult<()> {
        let mut query = Query::new("UPDATE provisioner_daemons SET last_seen_at = ");
        query.bind(seen).push(" WHERE id = ").bind(id.0);
        self.execute(&query).await.map(|_| ())
    }

    async fn delete_unseen(&mut self, since: Timestamp) -> StoreResult<u64> {
        let mut query = Query::new(
            "DELETE FROM provisioner_daemons WHERE coalesce(last_seen_at, created_at) < ",
        );
        self.execute(query.bind(since)).await
    }
}

impl FromRow for ProvisionerDaemon {
    type Row = provisioner_daemon::Model;

    fn from_row(row: provisioner_daemon::Model) -> StoreResult<Self> {
        let provisioners = row.provisioners.iter().map(|kind| word(TABLE, kind));
        Ok(Self {
            id: row.id.into(),
            organization_id: row.organization_id.into(),
            key_id: row.key_id.into(),
            name: row.name,
            version: row.version,
            api_version: row.api_version,
            provisioners: provisioners.collect::<StoreResult<_>>()?,
            tags: from_json(TABLE, row.tags)?,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
        })
    }
}

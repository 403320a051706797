use super::{MemoryTransaction, text};
use crate::{
    Timestamp,
    id::{OrganizationId, ProvisionerDaemonId},
    provisioner_daemon::ProvisionerDaemon,
    store::{ProvisionerDaemonStore, StoreResult},
};
use async_trait::async_trait;

#[async_trait]
impl ProvisionerDaemonStore for MemoryTransaction {
    async fn upsert(&mut self, daemon: &ProvisionerDaemon) -> StoreResult<ProvisionerDaemon> {
        text::check([
            ("name", daemon.name.as_str()),
            ("version", &daemon.version),
            ("api_version", &daemon.api_version),
        ])?;
        let daemons = &mut self.data.provisioner_daemons;
        let present = daemons
            .find(|row| row.organization_id == daemon.organization_id && row.name == daemon.name);
        let mut stored = daemon.clone();
        if let Some(present) = present {
            stored.id = present.id;
            stored.created_at = present.created_at;
            daemons.put(stored.id, stored.clone());
        } else {
            daemons.insert("provisioner_daemons_pkey", stored.id, stored.clone())?;
        }
        Ok(stored)
    }

    async fn get(&mut self, id: ProvisionerDaemonId) -> StoreResult<Option<ProvisionerDaemon>> {
        Ok(self.data.provisioner_daemons.get(&id).cloned())
    }

    async fn get_many(
        &mut self,
        ids: &[ProvisionerDaemonId],
    ) -> StoreResult<Vec<ProvisionerDaemon>> {
        Ok(self.data.provisioner_daemons.get_many(ids))
    }

    async fn list(&mut self, organization: OrganizationId) -> StoreResult<Vec<ProvisionerDaemon>> {
        let daemons = self.data.provisioner_daemons.values();
        let daemons = daemons.filter(|row| row.organization_id == organization);
        let mut found: Vec<ProvisionerDaemon> = daemons.cloned().collect();
        found.sort_by_key(|row| row.created_at);
        Ok(found)
    }

    async fn touch(&mut self, id: ProvisionerDaemonId, seen: Timestamp) -> StoreResult<()> {
        if let Some(row) = self.data.provisioner_daemons.update(&id) {
            row.last_seen_at = Some(seen);
        }
        Ok(())
    }

    async fn delete_unseen(&mut self, since: Timestamp) -> StoreResult<u64> {
        let daemons = &mut self.data.provisioner_daemons;
        Ok(daemons.remove_where(|row| row.last_seen_at.unwrap_or(row.created_at) < since))
    }
}

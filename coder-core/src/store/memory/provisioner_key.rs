use super::{MemoryTransaction, table::unique, text};
use crate::{
    Timestamp,
    id::{OrganizationId, ProvisionerKeyId},
    provisioner_key::ProvisionerKey,
    secret::TokenHash,
    store::{ProvisionerKeyStore, StoreResult},
};
use async_trait::async_trait;

#[async_trait]
impl ProvisionerKeyStore for MemoryTransaction {
    async fn insert(&mut self, key: &ProvisionerKey) -> StoreResult<()> {
        let tags = key.tags.iter();
        let tags = tags.flat_map(|(tag, value)| [("tags", tag.as_str()), ("tags", value)]);
        text::check([("name", key.name.as_str())].into_iter().chain(tags))?;
        let keys = &mut self.data.provisioner_keys;
        let taken = keys.any(|row| {
            row.deleted_at.is_none()
                && row.organization_id == key.organization_id
                && text::same(&row.name, &key.name)
        });
        unique("provisioner_keys_organization_id_name_key", !taken)?;
        let taken = keys.any(|row| row.secret_hash == key.secret_hash);
        unique("provisioner_keys_secret_hash_key", !taken)?;
        keys.insert("provisioner_keys_pkey", key.id, key.clone())
    }

    async fn get(&mut self, id: ProvisionerKeyId) -> StoreResult<Option<ProvisionerKey>> {
        let found = self.data.provisioner_keys.get(&id);
        Ok(found.filter(|row| row.deleted_at.is_none()).cloned())
    }

    async fn by_name(
        &mut self,
        organization: OrganizationId,
        name: &str,
    ) -> StoreResult<Option<ProvisionerKey>> {
        let keys = &self.data.provisioner_keys;
        let found = keys.find(|row| {
            row.deleted_at.is_none()
                && row.organization_id == organization
                && text::same(&row.name, name)
        });
        Ok(found.cloned())
    }

    async fn by_secret(&mut self, hash: TokenHash) -> StoreResult<Option<ProvisionerKey>> {
        let keys = &self.data.provisioner_keys;
        Ok(keys.find(|row| row.secret_hash == hash).cloned())
    }

    async fn list(&mut self, organization: OrganizationId) -> StoreResult<Vec<ProvisionerKey>> {
        let keys = self.data.provisioner_keys.values();
        let keys = keys.filter(|row| row.organization_id == organization);
        let keys = keys.filter(|row| row.deleted_at.is_none());
        let mut found: Vec<ProvisionerKey> = keys.cloned().collect();
        found.sort_by_key(|row| (row.created_at, row.id));
        Ok(found)
    }

    async fn retire(&mut self, id: ProvisionerKeyId, now: Timestamp) -> StoreResult<()> {
        let keys = &mut self.data.provisioner_keys;
        if let Some(row) = keys.get(&id).cloned() {
            let retired = ProvisionerKey {
                deleted_at: Some(now),
                ..row
            };
            keys.remove(&id);
            keys.insert("provisioner_keys_pkey", id, retired)?;
        }
        Ok(())
    }

    async fn retired(&mut self, organization: OrganizationId) -> StoreResult<Vec<ProvisionerKey>> {
        let keys = self.data.provisioner_keys.values();
        let keys = keys.filter(|row| row.organization_id == organization);
        let mut found: Vec<_> = keys
            .filter(|row| row.deleted_at.is_some())
            .cloned()
            .collect();
        found.sort_by_key(|row| row.id);
        Ok(found)
    }

    async fn delete(&mut self, id: ProvisionerKeyId) -> StoreResult<()> {
        self.data.provisioner_keys.remove(&id);
        Ok(())
    }
}

use super::StoreResult;
use crate::{
    Timestamp,
    id::{OrganizationId, ProvisionerKeyId},
    provisioner_key::ProvisionerKey,
    secret::TokenHash,
};
use async_trait::async_trait;

/// Keys with which daemons join.
#[async_trait]
pub trait ProvisionerKeyStore: Send {
    /// Adds one. Conflicts: `provisioner_keys_pkey`, `provisioner_keys_organization_id_name_key` (by the
    /// lower-case name), `provisioner_keys_secret_hash_key`.
    async fn insert(&mut self, key: &ProvisionerKey) -> StoreResult<()>;
    /// By id; not those that are retired.
    async fn get(&mut self, id: ProvisionerKeyId) -> StoreResult<Option<ProvisionerKey>>;
    /// By name, whatever the case; not those that are retired.
    async fn by_name(
        &mut self,
        organization: OrganizationId,
        name: &str,
    ) -> StoreResult<Option<ProvisionerKey>>;
    /// By the hash of the secret, those that are retired too.
    async fn by_secret(&mut self, hash: TokenHash) -> StoreResult<Option<ProvisionerKey>>;
    /// All of an organization, oldest first; not those that are retired.
    async fn list(&mut self, organization: OrganizationId) -> StoreResult<Vec<ProvisionerKey>>;
    /// Sets [`ProvisionerKey::deleted_at`]; its name is free from then on.
    async fn retire(&mut self, id: ProvisionerKeyId, now: Timestamp) -> StoreResult<()>;
    /// Those of an organization that are retired, by id.
    async fn retired(&mut self, organization: OrganizationId) -> StoreResult<Vec<ProvisionerKey>>;
    /// Removes one. Daemons that name it stay as they are.
    async fn delete(&mut self, id: ProvisionerKeyId) -> StoreResult<()>;
}

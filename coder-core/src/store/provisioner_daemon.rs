use super::StoreResult;
use crate::{
    Timestamp,
    id::{OrganizationId, ProvisionerDaemonId},
    provisioner_daemon::ProvisionerDaemon,
};
use async_trait::async_trait;

/// Daemons.
#[async_trait]
pub trait ProvisionerDaemonStore: Send {
    /// Adds one, or replaces all but `id` and `created_at` of the one with the same organization and name.
    /// Answers what is stored then.
    async fn upsert(&mut self, daemon: &ProvisionerDaemon) -> StoreResult<ProvisionerDaemon>;
    /// By id.
    async fn get(&mut self, id: ProvisionerDaemonId) -> StoreResult<Option<ProvisionerDaemon>>;
    /// Several by id, in no order.
    async fn get_many(
        &mut self,
        ids: &[ProvisionerDaemonId],
    ) -> StoreResult<Vec<ProvisionerDaemon>>;
    /// All of an organization, oldest first.
    async fn list(&mut self, organization: OrganizationId) -> StoreResult<Vec<ProvisionerDaemon>>;
    /// Notes a sign of life.
    async fn touch(&mut self, id: ProvisionerDaemonId, seen: Timestamp) -> StoreResult<()>;
    /// Removes those not seen since a time, where one that was never seen counts from its `created_at`; says
    /// how many. Jobs that name them stay as they are.
    async fn delete_unseen(&mut self, since: Timestamp) -> StoreResult<u64>;
}

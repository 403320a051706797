use super::{Page, StoreResult};
use crate::{
    Timestamp,
    id::{TemplateId, UserId, WorkspaceId},
    workspace::{Workspace, WorkspaceFilter},
};
use async_trait::async_trait;

/// Workspaces.
#[async_trait]
pub trait WorkspaceStore: Send {
    /// Adds one. Conflict: `workspaces_owner_id_name_key` (ignoring case, not deleted).
    async fn insert(&mut self, workspace: &Workspace) -> StoreResult<()>;
    /// By id, deleted or not.
    async fn get(&mut self, id: WorkspaceId) -> StoreResult<Option<Workspace>>;
    /// By id, and keeps other transactions that ask the same waiting until this one ends.
    async fn get_for_update(&mut self, id: WorkspaceId) -> StoreResult<Option<Workspace>>;
    /// Several by id, deleted or not, in no order.
    async fn get_many(&mut self, ids: &[WorkspaceId]) -> StoreResult<Vec<Workspace>> {
        let mut found = Vec::with_capacity(ids.len());
        for &id in ids {
            found.extend(self.get(id).await?);
        }
        Ok(found)
    }
    /// By name, ignoring case. Deleted ones only if asked for: then the live one, else the newest.
    async fn by_owner_and_name(
        &mut self,
        owner: UserId,
        name: &str,
        include_deleted: bool,
    ) -> StoreResult<Option<Workspace>>;
    /// A part of those that match and are not deleted, and how many match. Order: favourites of
    /// `requester` first, then running before others, then by owner's username and name.
    async fn list(
        &mut self,
        filter: &WorkspaceFilter,
        requester: UserId,
        page: Page,
    ) -> StoreResult<(Vec<Workspace>, u64)>;
    /// How many of a template are not deleted.
    async fn count_of_template(&mut self, template: TemplateId) -> StoreResult<u64>;
    /// Replaces everything but `id`, `organization_id`, `template_id` and `created_at`. Conflicts as
    /// [`insert`](Self::insert).
    async fn update(&mut self, workspace: &Workspace) -> StoreResult<()>;
    /// Notes a use of several.
    async fn touch(&mut self, ids: &[WorkspaceId], used: Timestamp) -> StoreResult<()>;
}

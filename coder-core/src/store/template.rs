use super::{Page, StoreResult};
use crate::{
    id::{OrganizationId, TemplateId},
    template::{Template, TemplateFilter},
};
use async_trait::async_trait;

/// Templates.
#[async_trait]
pub trait TemplateStore: Send {
    /// Adds one. Conflict: `templates_organization_id_name_key` (ignoring case, not deleted).
    async fn insert(&mut self, template: &Template) -> StoreResult<()>;
    /// By id, deleted or not.
    async fn get(&mut self, id: TemplateId) -> StoreResult<Option<Template>>;
    /// Several by id, deleted or not, in no order.
    async fn get_many(&mut self, ids: &[TemplateId]) -> StoreResult<Vec<Template>>;
    /// By name, ignoring case, not deleted.
    async fn by_name(
        &mut self,
        organization: OrganizationId,
        name: &str,
    ) -> StoreResult<Option<Template>>;
    /// A part of those that match, by name.
    async fn list(&mut self, filter: &TemplateFilter, page: Page) -> StoreResult<Vec<Template>>;
    /// Replaces everything but `id`, `organization_id`, `created_by` and `created_at`. Conflicts as
    /// [`insert`](Self::insert).
    async fn update(&mut self, template: &Template) -> StoreResult<()>;
}

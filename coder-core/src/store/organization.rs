use super::StoreResult;
use crate::{
    id::{OrganizationId, UserId},
    organization::{Organization, OrganizationMember},
};
use async_trait::async_trait;

/// Organizations and memberships.
#[async_trait]
pub trait OrganizationStore: Send {
    /// Adds one. Conflicts: `organizations_name_key` (ignoring case), `organizations_is_default_key`.
    async fn insert(&mut self, organization: &Organization) -> StoreResult<()>;
    /// By id.
    async fn get(&mut self, id: OrganizationId) -> StoreResult<Option<Organization>>;
    /// Several by id, in no order.
    async fn get_many(&mut self, ids: &[OrganizationId]) -> StoreResult<Vec<Organization>>;
    /// By name, ignoring case.
    async fn by_name(&mut self, name: &str) -> StoreResult<Option<Organization>>;
    /// The default one.
    async fn default_organization(&mut self) -> StoreResult<Option<Organization>>;
    /// All, by name.
    async fn list(&mut self) -> StoreResult<Vec<Organization>>;
    /// Adds a member. Conflict: `organization_members_pkey`.
    async fn insert_member(&mut self, member: &OrganizationMember) -> StoreResult<()>;
    /// One membership.
    async fn member(
        &mut self,
        organization: OrganizationId,
        user: UserId,
    ) -> StoreResult<Option<OrganizationMember>>;
    /// All memberships of these users, by organization id.
    async fn memberships(&mut self, users: &[UserId]) -> StoreResult<Vec<OrganizationMember>>;
    /// All members of an organization, by user id.
    async fn members(
        &mut self,
        organization: OrganizationId,
    ) -> StoreResult<Vec<OrganizationMember>>;
    /// Replaces the roles of a member.
    async fn update_member(&mut self, member: &OrganizationMember) -> StoreResult<()>;
    /// Removes a member.
    async fn delete_member(
        &mut self,
        organization: OrganizationId,
        user: UserId,
    ) -> StoreResult<()>;
}

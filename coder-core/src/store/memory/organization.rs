use super::{MemoryTransaction, table::unique, text};
use crate::{
    id::{OrganizationId, UserId},
    organization::{Organization, OrganizationMember},
    store::{OrganizationStore, StoreResult},
};
use async_trait::async_trait;

#[async_trait]
impl OrganizationStore for MemoryTransaction {
    async fn insert(&mut self, organization: &Organization) -> StoreResult<()> {
        text::check([
            ("name", organization.name.as_str()),
            ("display_name", &organization.display_name),
            ("description", &organization.description),
            ("icon", &organization.icon),
        ])?;
        let organizations = &mut self.data.organizations;
        let name = organizations.any(|other| text::same(&other.name, &organization.name));
        unique("organizations_name_key", !name)?;
        let default = organization.is_default && organizations.any(|other| other.is_default);
        unique("organizations_is_default_key", !default)?;
        organizations.insert("organizations_pkey", organization.id, organization.clone())
    }

    async fn get(&mut self, id: OrganizationId) -> StoreResult<Option<Organization>> {
        Ok(self.data.organizations.get(&id).cloned())
    }

    async fn get_many(&mut self, ids: &[OrganizationId]) -> StoreResult<Vec<Organization>> {
        Ok(self.data.organizations.get_many(ids))
    }

    async fn by_name(&mut self, name: &str) -> StoreResult<Option<Organization>> {
        let organizations = &self.data.organizations;
        Ok(organizations
            .find(|row| text::same(&row.name, name))
            .cloned())
    }

    async fn default_organization(&mut self) -> StoreResult<Option<Organization>> {
        Ok(self.data.organizations.find(|row| row.is_default).cloned())
    }

    async fn list(&mut self) -> StoreResult<Vec<Organization>> {
        let mut all: Vec<Organization> = self.data.organizations.values().cloned().collect();
        all.sort_by_cached_key(|row| row.name.to_lowercase());
        Ok(all)
    }

    async fn insert_member(&mut self, member: &OrganizationMember) -> StoreResult<()> {
        let key = (member.organization_id, member.user_id);
        let members = &mut self.data.organization_members;
        members.insert("organization_members_pkey", key, member.clone())
    }

    async fn member(
        &mut self,
        organization: OrganizationId,
        user: UserId,
    ) -> StoreResult<Option<OrganizationMember>> {
        let members = &self.data.organization_members;
        Ok(members.get(&(organization, user)).cloned())
    }

    async fn memberships(&mut self, users: &[UserId]) -> StoreResult<Vec<OrganizationMember>> {
        let members = self.data.organization_members.values();
        let wanted = members.filter(|member| users.contains(&member.user_id));
        Ok(wanted.cloned().collect())
    }

    async fn members(
        &mut self,
        organization: OrganizationId,
    ) -> StoreResult<Vec<OrganizationMember>> {
        let members = self.data.organization_members.values();
        let wanted = members.filter(|member| member.organization_id == organization);
        Ok(wanted.cloned().collect())
    }

    async fn update_member(&mut self, member: &OrganizationMember) -> StoreResult<()> {
        let key = (member.organization_id, member.user_id);
        if let Some(row) = self.data.organization_members.update(&key) {
            row.roles.clone_from(&member.roles);
            row.updated_at = member.updated_at;
        }
        Ok(())
    }

    async fn delete_member(
        &mut self,
        organization: OrganizationId,
        user: UserId,
    ) -> StoreResult<()> {
        self.data.organization_members.remove(&(organization, user));
        Ok(())
    }
}

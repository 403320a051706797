//! What permissions are asked about.

use super::ResourceType;
use crate::{
    api_key::ApiKey,
    connection_log::ConnectionLog,
    file::File,
    id::{OrganizationId, UserId},
    organization::{Organization, OrganizationMember},
    provisioner_daemon::ProvisionerDaemon,
    provisioner_job::ProvisionerJob,
    provisioner_key::ProvisionerKey,
    template::Template,
    template_version::TemplateVersion,
    user::User,
    workspace::Workspace,
};
use uuid::Uuid;

/// An object, as far as permissions are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its kind.
    pub kind: ResourceType,
    /// Which one; `None` for the kind as such, as when creating.
    pub id: Option<Uuid>,
    /// Whose it is.
    pub owner: Option<UserId>,
    /// Where it belongs.
    pub organization: Option<OrganizationId>,
}

impl Object {
    /// Any object of a kind.
    #[must_use]
    pub const fn of(kind: ResourceType) -> Self {
        Self {
            kind,
            id: None,
            owner: None,
            organization: None,
        }
    }

    /// With an id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<Uuid>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// With an owner.
    #[must_use]
    pub const fn owned_by(mut self, owner: UserId) -> Self {
        self.owner = Some(owner);
        self
    }

    /// In an organization.
    #[must_use]
    pub const fn in_organization(mut self, organization: OrganizationId) -> Self {
        self.organization = Some(organization);
        self
    }
}

/// Says which object a value is, so that a service can ask about it.
pub trait AsObject {
    /// The object.
    fn as_object(&self) -> Object;
}

impl AsObject for User {
    fn as_object(&self) -> Object {
        Object::of(ResourceType::User)
            .with_id(self.id)
            .owned_by(self.id)
    }
}

impl AsObject for ApiKey {
    fn as_object(&self) -> Object {
        Object::of(ResourceType::ApiKey).owned_by(self.user_id)
    }
}

impl AsObject for Organization {
    fn as_object(&self) -> Object {
        Object::of(ResourceType::Organization)
            .with_id(self.id)
            .in_organization(self.id)
    }
}

impl AsObject for OrganizationMember {
    fn as_object(&self) -> Object {
        Object::of(ResourceType::OrganizationMember)
            .with_id(self.user_id)
            .owned_by(self.user_id)
            .in_organization(self.organization_id)
    }
}

impl AsObject for File {
    fn as_object(&self) -> Object {
        Object::of(ResourceType::File)
            .with_id(self.id)
            .owned_by(self.created_by)
    }
}

impl AsObject for Template {
    fn as_object(&self) -> Object {
        Object::of(ResourceType::Template)
            .with_id(self.id)
            .in_organization(self.organization_id)
    }
}

impl AsObject for TemplateVersion {
    /// A version is its template; before it has one, it is the organization's.
    fn as_object(&self) -> Object {
        let object = Object::of(ResourceType::Template).in_organization(self.organization_id);
        match self.template_id {
            Some(id) => object.with_id(id),
            None => object,
        }
    }
}

impl AsObject for Workspace {
    fn as_object(&self) -> Object {
        Object::of(ResourceType::Workspace)
            .with_id(self.id)
            .owned_by(self.owner_id)
            .in_organization(self.organization_id)
    }
}

impl AsObject for ConnectionLog {
    fn as_object(&self) -> Object {
        Object::of(ResourceType::ConnectionLog)
            .with_id(self.id)
            .in_organization(self.organization_id)
    }
}

impl AsObject for ProvisionerJob {
    fn as_object(&self) -> Object {
        Object::of(ResourceType::ProvisionerJobs)
            .with_id(self.id)
            .in_organization(self.organization_id)
    }
}

impl AsObject for ProvisionerDaemon {
    fn as_object(&self) -> Object {
        Object::of(ResourceType::ProvisionerDaemon)
            .with_id(self.id)
            .in_organization(self.organization_id)
    }
}

impl AsObject for ProvisionerKey {
    fn as_object(&self) -> Object {
        Object::of(ResourceType::ProvisionerDaemon)
            .with_id(self.id)
            .in_organization(self.organization_id)
    }
}

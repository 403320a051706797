//! Who may do what: subjects hold roles, roles hold permissions on kinds of objects.
//!
//! The model is that of the field: permissions at four levels (site, organization, own objects, own
//! objects in an organization), deny wins within a level, and a token's scope must allow as well. What is
//! not permitted is answered like what does not exist.

mod action;
mod authorizer;
mod object;
mod role;
mod subject;

pub use action::{Action, ResourceType};
pub use authorizer::{Authorizer, RoleAuthorizer};
pub use object::{AsObject, Object};
pub use role::{Permission, Role, builtin_organization_roles, builtin_site_roles};
pub use subject::{SCOPE_ALL, SCOPE_APPLICATION_CONNECT, Subject};

//! Accounts.

mod appearance;
mod authmethods;
mod create;
mod delete;
mod first;
mod get;
mod git_ssh_key;
mod list;
mod login_type;
mod organizations;
mod password;
mod profile;
mod roles;
mod routes;
mod status;
mod types;
mod validate_password;

pub(crate) use roles::UpdateRoles;
pub(crate) use routes::routes;
pub(crate) use types::{AssignableRoles, MinimalUser, SlimRole, slim_roles};

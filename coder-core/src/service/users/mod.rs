//! Accounts: making, finding, changing and ending them.

mod access;
mod change;
mod create;
mod find;
mod login;
mod roles;

pub(super) use access::require_rank;
pub use access::{AssignableRole, assignable_roles};
pub use change::{ProfileChange, change_password, delete, set_status, update_profile};
pub use create::{FirstUser, NewUser, create, create_first, first_user_exists};
pub use find::{UserWithOrganizations, find, get, list, with_organizations};
pub use login::{login, logout};
pub use roles::set_roles;

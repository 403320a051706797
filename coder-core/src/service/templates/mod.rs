//! Templates: making, finding, changing, promoting and deleting them.

mod change;
mod create;
mod find;
mod policy;

pub use change::{TemplateChange, delete, promote, update};
pub use create::{NewTemplate, create};
pub use find::{TemplateDetails, find, get, get_by_name, list};
pub use policy::PolicyChange;

//! Template versions: pushing, finding, changing and archiving them.

mod archive;
mod change;
mod contents;
mod create;
mod dry_run;
mod find;

pub use archive::{archive_unused, set_archived};
pub use change::{VersionChange, cancel, update};
pub use contents::{external_auth_providers, logs, parameters, presets, resources, variables};
pub use create::{NewVersion, create};
pub use dry_run::{
    NewDryRun, cancel_dry_run, create_dry_run, dry_run, dry_run_logs, dry_run_matched_provisioners,
    dry_run_resources,
};
pub use find::{VersionDetails, find, get, get_by_name, get_previous, list};

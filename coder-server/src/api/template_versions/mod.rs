//! Template versions.

mod archive;
mod by_name;
mod cancel;
mod contents;
mod create;
mod dry_run;
mod external_auth;
mod get;
mod list;
mod logs;
mod presets;
mod promote;
mod resources;
mod routes;
mod types;
mod update;

pub(crate) use routes::routes;

//! The endpoints, one folder per resource, one file per operation.

mod auth;
mod connection_logs;
mod events;
mod external_auth;
mod files;
mod find;
mod general;
mod lists;
mod organizations;
mod provisioner_daemons;
mod provisioner_jobs;
mod provisioner_keys;
mod root;
mod routes;
mod template_versions;
mod templates;
mod tokens;
mod upgrade;
mod users;
mod workspace_agents;
mod workspace_builds;
mod workspace_resources;
mod workspaces;

pub(crate) use root::routes as root_routes;
pub(crate) use routes::routes;

//! The HTTP API, in process: the router is called directly, with a store in memory or on PostgreSQL.

pub(crate) mod harness;
pub(crate) mod live;

mod agent_api;
mod agents;
mod auth;
mod dry_runs;
mod external_daemons;
mod files;
mod git_ssh_keys;
mod grid;
mod grid_rows;
mod grid_workspaces;
mod hardening;
mod instance_identity;
mod limits;
mod openapi;
mod organizations;
mod postgres;
mod provisioner_keys;
mod sub_agents;
mod template_versions;
mod templates;
mod tokens;
mod users;
mod workspaces;

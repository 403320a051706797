//! The HTTP API, in process: the router is called directly, with a store in memory or on PostgreSQL.

pub(crate) mod harness;
pub(crate) mod live;

mod agent_api;
mod agent_life;
mod agents;
mod auth;
mod binaries;
mod containers;
mod debug_ws;
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
mod parameters;
mod postgres;
mod provisioner_keys;
mod states;
mod streams;
mod sub_agents;
mod template_versions;
mod templates;
mod terminals;
mod tokens;
mod users;
mod workspaces;

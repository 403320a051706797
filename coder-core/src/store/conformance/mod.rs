//! What every store must do, as tests: run them with [`store_conformance!`](crate::store_conformance).
//!
//! A case begins with an empty store, uses the traits only, and never the wall clock. [`fixture`] has the
//! objects, [`World`] a small deployment to hang them on; other tests may use both.

pub mod agent_identities;
pub mod agent_logs;
pub mod api_keys;
mod backend;
pub mod connection_logs;
pub mod devcontainers;
pub mod events;
pub mod files;
pub mod fixture;
pub mod git_ssh_keys;
pub mod job_logs;
pub mod job_queue;
pub mod job_states;
mod macros;
pub mod organizations;
pub mod provisioner_daemons;
pub mod provisioner_jobs;
pub mod provisioner_keys;
pub mod settings;
pub mod template_versions;
pub mod templates;
pub mod text;
pub mod transactions;
pub mod users;
pub mod workspace_agent_stats;
pub mod workspace_agents;
pub mod workspace_apps;
pub mod workspace_builds;
pub mod workspace_list;
pub mod workspace_resources;
pub mod workspaces;
mod world;

pub use backend::{Backend, Failure, Missing, Outcome, next_event, present, within};
pub use world::{World, finish, start};

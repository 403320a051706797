//! The schema, one step per file, named after the time of its making.
//!
//! A step runs in a transaction of its own together with the note that it was done, so that an
//! interrupted migration continues at the next start. A step never uses the entities, which follow
//! the newest schema, and is never changed after a release.

mod m20261123150000_users;
mod m20261123150100_provisioner_jobs;
mod m20261123150200_templates;
mod m20261123150300_workspaces;
mod m20261123150400_workspace_agents;
mod m20261123220000_provisioner_keys;
mod m20261123223000_template_version_presets;
mod m20261123230000_job_turns;
mod m20261126110000_agent_life;
mod m20261126113000_retired_provisioner_keys;
mod m20261126120000_git_ssh_keys;
mod m20261126120100_instance_identities;
mod m20261126120200_devcontainers;
mod migrator;

pub use migrator::{migrate, revert};

//! One module per table that is read as a whole. Rows never leave `db`; they become the types of the
//! core.

#![expect(
    unreachable_pub,
    reason = "the derives want public items; the module itself is private"
)]

pub(super) mod api_key;
pub(super) mod connection_log;
pub(super) mod file;
pub(super) mod git_ssh_key;
pub(super) mod organization;
pub(super) mod organization_member;
pub(super) mod provisioner_daemon;
pub(super) mod provisioner_job;
pub(super) mod provisioner_job_log;
pub(super) mod provisioner_job_timing;
pub(super) mod provisioner_key;
pub(super) mod template;
pub(super) mod template_version;
pub(super) mod template_version_parameter;
pub(super) mod template_version_preset;
pub(super) mod template_version_terraform_value;
pub(super) mod template_version_variable;
pub(super) mod user;
pub(super) mod workspace;
pub(super) mod workspace_agent;
pub(super) mod workspace_agent_devcontainer;
pub(super) mod workspace_agent_log;
pub(super) mod workspace_agent_log_source;
pub(super) mod workspace_agent_metadatum;
pub(super) mod workspace_agent_resource_monitor;
pub(super) mod workspace_agent_script;
pub(super) mod workspace_agent_stat;
pub(super) mod workspace_agent_token;
pub(super) mod workspace_app;
pub(super) mod workspace_build;
pub(super) mod workspace_build_parameter;
pub(super) mod workspace_build_state;
pub(super) mod workspace_resource;

//! The trait of each aggregate, implemented for the transaction.

mod agent_identity;
mod api_key;
mod connection_log;
mod devcontainer;
mod file;
mod git_ssh_key;
mod organization;
mod provisioner_daemon;
mod provisioner_job;
mod provisioner_job_log;
mod provisioner_job_queue;
mod provisioner_key;
mod setting;
mod template;
mod template_version;
mod user;
mod workspace;
mod workspace_agent;
mod workspace_agent_crowd;
mod workspace_agent_monitor;
mod workspace_agent_part;
mod workspace_agent_stats;
mod workspace_app;
mod workspace_build;
mod workspace_resource;

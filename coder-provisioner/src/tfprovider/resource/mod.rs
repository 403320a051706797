//! The kinds of resources.
//!
//! To add one: its attributes in [`crate::attributes`], a file here with what the declaration cannot
//! express, and a line in [`RESOURCES`].

mod agent;
mod agent_instance;
mod ai_task;
mod app;
mod devcontainer;
mod env;
mod external_agent;
mod metadata;
mod script;

use super::kind::Resource;

/// Every kind of resource.
pub(super) static RESOURCES: &[Resource] = &[
    agent::RESOURCE,
    agent_instance::RESOURCE,
    ai_task::RESOURCE,
    app::RESOURCE,
    devcontainer::RESOURCE,
    env::RESOURCE,
    external_agent::RESOURCE,
    metadata::RESOURCE,
    script::RESOURCE,
];

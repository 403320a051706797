//! The attributes of the `coder/coder` Terraform provider, each declared once.
//!
//! One struct per resource and data source. The declaration gives the name, type, flags, default
//! and rules from which the provider's schema is made ([`Shape::BLOCK`]), and the same struct is
//! what the executor deserializes from `terraform show -json`, so the two cannot drift apart.
//!
//! Every field is optional when read: state may have been written by an older provider, and a
//! planned value may not be known yet.

#[macro_use]
mod macros;

mod agent;
mod agent_instance;
mod ai_task;
mod app;
mod devcontainer;
mod env;
mod external_agent;
mod external_auth;
mod metadata;
mod parameter;
mod provider;
mod provisioner;
mod schema;
mod script;
mod secret;
mod task;
mod workspace;
mod workspace_owner;
mod workspace_preset;
mod workspace_tags;

pub use agent::{
    Agent, AgentMetadata, DisplayApps, MemoryMonitor, ResourcesMonitoring, VolumeMonitor,
};
pub use agent_instance::AgentInstance;
pub use ai_task::{AiTask, SidebarApp};
pub use app::{App, Healthcheck};
pub use devcontainer::Devcontainer;
pub use env::Env;
pub use external_agent::ExternalAgent;
pub use external_auth::ExternalAuth;
pub use metadata::{Metadata, MetadataItem};
pub use parameter::{Parameter, ParameterOption, ParameterValidation};
pub use provider::Provider;
pub use provisioner::Provisioner;
pub use schema::{
    Attribute, AttributeType, Block, DefaultValue, NestedBlock, Nesting, Presence, Rule, Shape,
    Type,
};
pub use script::Script;
pub use secret::Secret;
pub use task::Task;
pub use workspace::Workspace;
pub use workspace_owner::{RbacRole, WorkspaceOwner};
pub use workspace_preset::{ExpirationPolicy, Prebuilds, Schedule, Scheduling, WorkspacePreset};
pub use workspace_tags::WorkspaceTags;

//! Storage: a unit of work over one trait per aggregate.
//!
//! A store is asked for a [`Transaction`]; the transaction hands out the aggregate traits and implements
//! them all itself. Reads see the transaction's own writes. Absence is `None`, never an error. Writes to
//! one row that does not exist are `Ok` and change nothing, unless the method says otherwise. Lists are
//! ordered as each method says, and have no hidden limit: callers pass a [`Page`].
//!
//! Time and identifiers are always arguments.
//!
//! What every store agrees on beyond the methods' own words:
//!
//! - An id that exists already conflicts with `<table>_pkey`, for example `workspaces_pkey`.
//! - After an error a transaction is good for a rollback only.
//! - What is referred to is inserted first: a job before its version, a version before the template it
//!   belongs to (and linked to it by an update afterwards). A daemon may go before the jobs that name it.
//! - Text with a NUL character is refused with [`StoreError::InvalidText`]; a lookup may also find nothing.
//!   All other text and all bytes come back as they were, and times to the microsecond.
//! - Text is ordered byte by byte (the collation `C` of Postgres); names of users, organizations, templates
//!   and workspaces by their lower-case form. "Newest" and "oldest" go by `created_at`, builds by their
//!   number.
//! - Searched text means itself: `%`, `_` and `\` match nothing else.

mod agent_identity;
mod api_key;
#[cfg(feature = "testing")]
pub mod conformance;
mod connection_log;
mod devcontainer;
mod error;
mod file;
mod git_ssh_key;
#[cfg(feature = "memory")]
mod memory;
mod organization;
mod page;
mod provisioner_daemon;
mod provisioner_job;
mod provisioner_key;
mod settings;
mod template;
mod template_version;
mod user;
mod workspace;
mod workspace_agent;
mod workspace_agent_stats;
mod workspace_app;
mod workspace_build;
mod workspace_resource;

pub use agent_identity::AgentIdentityStore;
pub use api_key::ApiKeyStore;
pub use connection_log::ConnectionLogStore;
pub use devcontainer::DevcontainerStore;
pub use error::StoreError;
pub use file::FileStore;
pub use git_ssh_key::GitSshKeyStore;
#[cfg(feature = "memory")]
pub use memory::{MemoryStore, MemoryTransaction};
pub use organization::OrganizationStore;
pub use page::Page;
pub use provisioner_daemon::ProvisionerDaemonStore;
pub use provisioner_job::{ClaimJob, JobEnd, ProvisionerJobStore};
pub use provisioner_key::ProvisionerKeyStore;
pub use settings::SettingStore;
pub use template::TemplateStore;
pub use template_version::TemplateVersionStore;
pub use user::UserStore;
pub use workspace::WorkspaceStore;
pub use workspace_agent::{AgentOwner, WorkspaceAgentStore};
pub use workspace_agent_stats::WorkspaceAgentStatsStore;
pub use workspace_app::WorkspaceAppStore;
pub use workspace_build::WorkspaceBuildStore;
pub use workspace_resource::WorkspaceResourceStore;

use crate::event::Event;
use async_trait::async_trait;

/// What a store answers.
pub type StoreResult<T> = Result<T, StoreError>;

/// Begins transactions.
#[async_trait]
pub trait Store: Send + Sync {
    /// Begins a transaction. Do not begin a second one in the same task while the first is open: a store
    /// may run one at a time.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database cannot be reached in time.
    async fn begin(&self) -> StoreResult<Box<dyn Transaction>>;

    /// Checks that the store answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it does not.
    async fn ping(&self) -> StoreResult<()>;
}

/// A unit of work. Dropping it rolls back, but say so with [`rollback`](Self::rollback) where you can: a
/// drop cannot wait.
#[async_trait]
pub trait Transaction: Send {
    /// Users.
    fn users(&mut self) -> &mut dyn UserStore;
    /// Organizations and memberships.
    fn organizations(&mut self) -> &mut dyn OrganizationStore;
    /// Session keys and tokens.
    fn api_keys(&mut self) -> &mut dyn ApiKeyStore;
    /// Key pairs for Git hosts.
    fn git_ssh_keys(&mut self) -> &mut dyn GitSshKeyStore;
    /// Uploaded archives.
    fn files(&mut self) -> &mut dyn FileStore;
    /// Templates.
    fn templates(&mut self) -> &mut dyn TemplateStore;
    /// Template versions, their parameters and variables.
    fn template_versions(&mut self) -> &mut dyn TemplateVersionStore;
    /// Workspaces.
    fn workspaces(&mut self) -> &mut dyn WorkspaceStore;
    /// Builds, their parameters and state.
    fn workspace_builds(&mut self) -> &mut dyn WorkspaceBuildStore;
    /// The job queue, logs and timings.
    fn provisioner_jobs(&mut self) -> &mut dyn ProvisionerJobStore;
    /// Daemons.
    fn provisioner_daemons(&mut self) -> &mut dyn ProvisionerDaemonStore;
    /// Keys with which daemons join.
    fn provisioner_keys(&mut self) -> &mut dyn ProvisionerKeyStore;
    /// Resources.
    fn workspace_resources(&mut self) -> &mut dyn WorkspaceResourceStore;
    /// Agents, their logs, metadata and scripts.
    fn workspace_agents(&mut self) -> &mut dyn WorkspaceAgentStore;
    /// Dev containers, and the agents inside them.
    fn devcontainers(&mut self) -> &mut dyn DevcontainerStore;
    /// Agents that are known by their machine.
    fn agent_identities(&mut self) -> &mut dyn AgentIdentityStore;
    /// What agents reported of the use of their workspaces.
    fn workspace_agent_stats(&mut self) -> &mut dyn WorkspaceAgentStatsStore;
    /// Who was connected to workspaces, and when.
    fn connection_logs(&mut self) -> &mut dyn ConnectionLogStore;
    /// Apps.
    fn workspace_apps(&mut self) -> &mut dyn WorkspaceAppStore;
    /// Facts of the deployment.
    fn settings(&mut self) -> &mut dyn SettingStore;

    /// Delivers `event` to subscribers when, and only when, the transaction commits.
    ///
    /// # Errors
    /// As every write.
    async fn publish(&mut self, event: Event) -> StoreResult<()>;

    /// Delivers several, in their order.
    ///
    /// # Errors
    /// As every write.
    async fn publish_all(&mut self, events: Vec<Event>) -> StoreResult<()> {
        for event in events {
            self.publish(event).await?;
        }
        Ok(())
    }

    /// Makes everything permanent.
    ///
    /// # Errors
    /// As every write; after an error nothing was kept, unless it is [`StoreError::Unavailable`]: then it
    /// is unknown.
    async fn commit(self: Box<Self>) -> StoreResult<()>;

    /// Undoes everything.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; nothing was kept then either.
    async fn rollback(self: Box<Self>) -> StoreResult<()>;
}

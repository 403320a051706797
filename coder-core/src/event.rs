//! What happened, told to whoever waits for it.

use crate::{
    Error, Timestamp,
    id::{
        OrganizationId, ProvisionerJobId, ProvisionerKeyId, UserId, WorkspaceAgentId, WorkspaceId,
    },
    provisioner_job::ProvisionerType,
};
use async_trait::async_trait;
use futures_core::stream::BoxStream;

/// Something that happened. It says where to look, never what is there: the store has the truth.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A job waits for a daemon.
    JobPosted {
        /// Of which organization.
        organization_id: OrganizationId,
        /// For which kind of daemon.
        provisioner: ProvisionerType,
    },
    /// A job changed its state, or a cancel was asked for.
    JobUpdated {
        /// Which.
        job_id: ProvisionerJobId,
    },
    /// A job has new log lines.
    JobLogs {
        /// Which.
        job_id: ProvisionerJobId,
    },
    /// A workspace, its builds, agents or apps changed.
    WorkspaceUpdated {
        /// Which.
        workspace_id: WorkspaceId,
        /// Whose.
        owner_id: UserId,
    },
    /// An agent has new log lines.
    AgentLogs {
        /// Which.
        agent_id: WorkspaceAgentId,
    },
    /// An agent has new metadata.
    AgentMetadata {
        /// Which.
        agent_id: WorkspaceAgentId,
    },
    /// A session of this user must be checked again: suspended, deleted, roles or keys changed.
    UserUpdated {
        /// Who.
        user_id: UserId,
        /// When.
        at: Timestamp,
    },
    /// A key was deleted: daemons that joined with it must go.
    ProvisionerKeyDeleted {
        /// Which.
        key_id: ProvisionerKeyId,
    },
}

/// What one subscriber wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Every posted job.
    JobsPosted,
    /// State and logs of one job.
    Job(ProvisionerJobId),
    /// One workspace.
    Workspace(WorkspaceId),
    /// All workspaces of a user.
    WorkspacesOf(UserId),
    /// Logs and metadata of one agent.
    Agent(WorkspaceAgentId),
    /// One user.
    User(UserId),
    /// One key of daemons.
    ProvisionerKey(ProvisionerKeyId),
}

impl Event {
    /// Whether a subscriber to `topic` hears of it.
    #[must_use]
    pub fn concerns(&self, topic: Topic) -> bool {
        match *self {
            Self::JobPosted { .. } => topic == Topic::JobsPosted,
            Self::JobUpdated { job_id } | Self::JobLogs { job_id } => topic == Topic::Job(job_id),
            Self::WorkspaceUpdated {
                workspace_id,
                owner_id,
            } => topic == Topic::Workspace(workspace_id) || topic == Topic::WorkspacesOf(owner_id),
            Self::AgentLogs { agent_id } | Self::AgentMetadata { agent_id } => {
                topic == Topic::Agent(agent_id)
            }
            Self::UserUpdated { user_id, .. } => topic == Topic::User(user_id),
            Self::ProvisionerKeyDeleted { key_id } => topic == Topic::ProvisionerKey(key_id),
        }
    }
}

/// What a subscriber receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something happened.
    Event(Event),
    /// Events may have been lost: look at the store again.
    Missed,
}

/// Events of one topic. It ends when the publisher goes away.
pub type Subscription = BoxStream<'static, Signal>;

/// Delivers events. Publishing is [`Transaction::publish`](crate::store::Transaction::publish), so that
/// nobody hears of what was rolled back.
#[async_trait]
pub trait PubSub: Send + Sync {
    /// Events of `topic` from now on. A consumer that waits for a state subscribes first, then reads the
    /// store, and also polls now and then: delivery is best effort.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the publisher cannot be reached.
    async fn subscribe(&self, topic: Topic) -> Result<Subscription, Error>;
}

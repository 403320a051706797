//! A unit of work.

use super::{data::Data, pubsub::Bus};
use crate::{
    event::Event,
    store::{
        AgentIdentityStore, ApiKeyStore, ConnectionLogStore, DevcontainerStore, FileStore,
        GitSshKeyStore, OrganizationStore, ProvisionerDaemonStore, ProvisionerJobStore,
        ProvisionerKeyStore, SettingStore, StoreResult, TemplateStore, TemplateVersionStore,
        Transaction, UserStore, WorkspaceAgentStatsStore, WorkspaceAgentStore, WorkspaceAppStore,
        WorkspaceBuildStore, WorkspaceResourceStore, WorkspaceStore,
    },
};
use async_trait::async_trait;
use futures_util::lock::OwnedMutexGuard;

/// A transaction of a [`MemoryStore`](super::MemoryStore).
#[derive(Debug)]
pub struct MemoryTransaction {
    committed: OwnedMutexGuard<Data>,
    pub(super) data: Data,
    events: Vec<Event>,
    bus: Bus,
}

impl MemoryTransaction {
    pub(super) fn new(committed: OwnedMutexGuard<Data>, bus: Bus) -> Self {
        Self {
            data: committed.clone(),
            committed,
            events: Vec::new(),
            bus,
        }
    }
}

#[async_trait]
impl Transaction for MemoryTransaction {
    fn users(&mut self) -> &mut dyn UserStore {
        self
    }

    fn organizations(&mut self) -> &mut dyn OrganizationStore {
        self
    }

    fn api_keys(&mut self) -> &mut dyn ApiKeyStore {
        self
    }

    fn git_ssh_keys(&mut self) -> &mut dyn GitSshKeyStore {
        self
    }

    fn files(&mut self) -> &mut dyn FileStore {
        self
    }

    fn templates(&mut self) -> &mut dyn TemplateStore {
        self
    }

    fn template_versions(&mut self) -> &mut dyn TemplateVersionStore {
        self
    }

    fn workspaces(&mut self) -> &mut dyn WorkspaceStore {
        self
    }

    fn workspace_builds(&mut self) -> &mut dyn WorkspaceBuildStore {
        self
    }

    fn provisioner_jobs(&mut self) -> &mut dyn ProvisionerJobStore {
        self
    }

    fn provisioner_daemons(&mut self) -> &mut dyn ProvisionerDaemonStore {
        self
    }

    fn provisioner_keys(&mut self) -> &mut dyn ProvisionerKeyStore {
        self
    }

    fn workspace_resources(&mut self) -> &mut dyn WorkspaceResourceStore {
        self
    }

    fn workspace_agents(&mut self) -> &mut dyn WorkspaceAgentStore {
        self
    }

    fn devcontainers(&mut self) -> &mut dyn DevcontainerStore {
        self
    }

    fn agent_identities(&mut self) -> &mut dyn AgentIdentityStore {
        self
    }

    fn workspace_agent_stats(&mut self) -> &mut dyn WorkspaceAgentStatsStore {
        self
    }

    fn connection_logs(&mut self) -> &mut dyn ConnectionLogStore {
        self
    }

    fn workspace_apps(&mut self) -> &mut dyn WorkspaceAppStore {
        self
    }

    fn settings(&mut self) -> &mut dyn SettingStore {
        self
    }

    async fn publish(&mut self, event: Event) -> StoreResult<()> {
        self.events.push(event);
        Ok(())
    }

    async fn commit(self: Box<Self>) -> StoreResult<()> {
        let mut this = *self;
        *this.committed = this.data;
        // Still under the lock, so that events come in the order of the commits.
        for event in this.events {
            this.bus.send(event);
        }
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> StoreResult<()> {
        Ok(())
    }
}

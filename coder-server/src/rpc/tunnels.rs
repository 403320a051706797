//! The tunnels of the agents that are connected to this process.

use coder_agent::{
    Error, ErrorKind, Result,
    tunnel::{AgentTunnel, ExpectedStream, TunnelStream},
};
use coder_core::id::WorkspaceAgentId;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The tunnels of the agents that are connected to this process: at most one each, the newest.
#[derive(Clone, Debug, Default)]
pub struct Tunnels(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    live: Mutex<BTreeMap<WorkspaceAgentId, (u64, AgentTunnel)>>,
    next: AtomicU64,
}

/// A tunnel's place. Dropping it takes the tunnel out, unless a newer one has its place.
#[derive(Debug)]
pub struct Registered {
    tunnels: Tunnels,
    agent: WorkspaceAgentId,
    number: u64,
}

impl Tunnels {
    /// Puts an agent's tunnel in, and ends the one that was there.
    #[must_use]
    pub fn register(&self, agent: WorkspaceAgentId, tunnel: AgentTunnel) -> Registered {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let before = self.live().insert(agent, (number, tunnel));
        if let Some((_, before)) = before {
            before.close();
        }
        Registered {
            tunnels: self.clone(),
            agent,
            number,
        }
    }

    /// Opens a stream to a port of an agent.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when the agent is not connected here, else as
    /// [`AgentTunnel::open`].
    pub async fn open(&self, agent: WorkspaceAgentId, port: u16) -> Result<TunnelStream> {
        self.tunnel(agent)?.open(port).await
    }

    /// Opens a stream of datagrams to a UDP port of an agent's workspace.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_udp(&self, agent: WorkspaceAgentId, port: u16) -> Result<TunnelStream> {
        self.tunnel(agent)?.open_udp(port).await
    }

    /// Asks an agent for a sign of life and tells how long it took.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn ping(&self, agent: WorkspaceAgentId) -> Result<Duration> {
        self.tunnel(agent)?.ping().await
    }

    fn tunnel(&self, agent: WorkspaceAgentId) -> Result<AgentTunnel> {
        let tunnel = self.live().get(&agent).map(|(_, tunnel)| tunnel.clone());
        let absent = || Error::new(ErrorKind::Unavailable, "The agent is not connected.");
        tunnel.ok_or_else(absent)
    }

    /// The stream for which an agent was asked to dial with this ticket: only with one of its own.
    #[must_use]
    pub fn expects(&self, agent: WorkspaceAgentId, ticket: uuid::Uuid) -> Option<ExpectedStream> {
        let tunnel = self.live().get(&agent).map(|(_, tunnel)| tunnel.clone());
        tunnel?.expects(ticket)
    }

    /// Whether an agent has a tunnel here.
    #[must_use]
    pub fn has(&self, agent: WorkspaceAgentId) -> bool {
        self.live().contains_key(&agent)
    }

    /// How many tunnels there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.live().len()
    }

    /// A panic while the lock was held leaves a whole map behind.
    fn live(&self) -> MutexGuard<'_, BTreeMap<WorkspaceAgentId, (u64, AgentTunnel)>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registered {
    /// Whether no newer tunnel took the place.
    #[must_use]
    pub fn is_newest(&self) -> bool {
        let live = self.tunnels.live();
        live.get(&self.agent)
            .is_some_and(|(number, _)| *number == self.number)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut live = self.tunnels.live();
        if live
            .get(&self.agent)
            .is_some_and(|(number, _)| *number == self.number)
        {
            live.remove(&self.agent);
        }
    }
}

//! The tunnels of the agents that are connected to this process.

use coder_agent::{
    Error, ErrorKind, Result,
    tunnel::{AgentTunnel, ExpectedStream, TunnelStream},
};
use coder_core::{
    Timestamp,
    id::WorkspaceAgentId,
    service::agents::INACTIVE_AFTER_MS,
    workspace_agent::{AgentStatus, WorkspaceAgent},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// Agents wait 10 s at most before they connect again, and then need some time.
const COMES_BACK: Duration = Duration::from_secs(15);

/// The tunnels of the agents that are connected to this process: at most one each, the newest.
#[derive(Clone, Debug, Default)]
pub struct Tunnels(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    live: Mutex<BTreeMap<WorkspaceAgentId, (u64, AgentTunnel)>>,
    arrived: Notify,
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
        self.0.arrived.notify_waiters();
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

    /// Waits for an agent that was heard of a moment ago but has no tunnel here: after a restart of the server it comes
    /// back within seconds. Returns when it has, or when there is nothing to wait for any more.
    pub async fn comes_back(&self, agent: &WorkspaceAgent, now: Timestamp) {
        if AgentStatus::of(agent, now, INACTIVE_AFTER_MS) == AgentStatus::Connected {
            // Who is not back by then is told so when the stream is opened.
            let _ = tokio::time::timeout(COMES_BACK, self.until_there(agent.id)).await;
        }
    }

    async fn until_there(&self, agent: WorkspaceAgentId) {
        loop {
            let arrived = self.0.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            if self.has(agent) {
                return;
            }
            arrived.await;
        }
    }

    /// Whether an agent has a tunnel here.
    #[must_use]
    pub fn has(&self, agent: WorkspaceAgentId) -> bool {
        self.live().contains_key(&agent)
    }

    /// How long the last answered ping of an agent took; `None` when it has no tunnel here, or has not answered yet.
    #[must_use]
    pub fn round_trip(&self, agent: WorkspaceAgentId) -> Option<Duration> {
        let beat = *self.live().get(&agent)?.1.heartbeat().borrow();
        (beat.count > 0).then_some(beat.round_trip)
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

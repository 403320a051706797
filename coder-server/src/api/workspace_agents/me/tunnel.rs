//! `GET /workspaceagents/me/tunnel`.

use crate::{
    api::upgrade,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{AgentAuth, Query},
    },
    rpc::tunnels::Registered,
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use coder_agent::{protocol::API_VERSION, tunnel::AgentTunnel};
use coder_core::{
    Error, Timestamp,
    event::{Signal, Subscription, Topic},
    service::agents::Agents,
    store::AgentOwner,
};
use futures_util::{StreamExt as _, stream};
use std::{sync::Arc, time::Duration};

const ROUTE: &str = "/api/v2/workspaceagents/me/tunnel";
/// How long the end of a connection may take to be written down.
const FAREWELL: Duration = Duration::from_secs(10);
/// When a sign of life that could not be written down is tried again: sooner than the next one comes, so that agents do
/// not look gone for longer than the database was.
const AGAIN: Duration = Duration::from_secs(2);

/// What the agent speaks.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TunnelQuery {
    /// Version of the protocol; another major version than the server's is refused.
    version: Option<String>,
}

/// The agent's connection, over which the server opens streams to it
///
/// A WebSocket whose binary messages carry yamux; each stream begins with the header that the agent
/// protocol describes. Only the newest tunnel of an agent lives. The server pings every 10 s and gives an
/// agent up after 30 s of silence, when the workspace has a newer build, or when its owner is suspended.
#[utoipa::path(
    get, path = "/workspaceagents/me/tunnel", tag = "Agents",
    security(("CoderAgentToken" = [])),
    extensions(("x-permission" = json!("agent"))),
    params(TunnelQuery),
    responses((status = SWITCHING_PROTOCOLS)),
)]
pub(super) async fn agent_tunnel(
    agent: AgentAuth,
    State(state): State<AppState>,
    Query(query): Query<TunnelQuery>,
    request: Request,
) -> ApiResult<Response> {
    check_version(query.version.as_deref())?;
    let handshake = upgrade::begin(request)?;
    let open = state.metrics.websocket(ROUTE);
    let (response, connection) = handshake.accept();
    let tasks = state.tasks.clone();
    tasks.spawn(async move {
        if let Some(io) = connection.await {
            let tunnel = AgentTunnel::new(io);
            tunnel.move_streams();
            let place = state.tunnels.register(agent.0.agent.id, tunnel.clone());
            Monitor::new(&state, agent.0).run(tunnel, place).await;
        }
        drop(open);
    });
    Ok(response)
}

fn check_version(version: Option<&str>) -> Result<(), Error> {
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    let version = version.unwrap_or(API_VERSION);
    if major(version) == major(API_VERSION) {
        return Ok(());
    }
    let detail = format!("this server speaks version {API_VERSION}");
    Err(Error::invalid_field("version", detail))
}

/// Watches over one tunnel and writes down what becomes of it.
struct Monitor {
    state: AppState,
    agents: Agents,
    owner: Arc<AgentOwner>,
    /// What was written last.
    noted: Option<Timestamp>,
}

impl Monitor {
    fn new(state: &AppState, owner: Arc<AgentOwner>) -> Self {
        Self {
            state: state.clone(),
            agents: Agents::new(state.deps.clone()),
            owner,
            noted: None,
        }
    }

    async fn run(mut self, tunnel: AgentTunnel, place: Registered) {
        let agent = self.owner.agent.id;
        tracing::info!(%agent, "agent connected");
        let why = self.watch(&tunnel).await;
        tunnel.close();
        let newest = place.is_newest();
        drop(place);
        tracing::info!(%agent, why, "agent disconnected");
        // A server that stops has better to do than to note it of thousands, who come back to the next one.
        let stops = self.state.shutdown.is_cancelled();
        if newest
            && !stops
            && let Some(noted) = self.noted
        {
            let farewell = self.agents.disconnected(&self.owner, noted);
            // If it cannot be written, silence says the same half a minute later.
            if !matches!(tokio::time::timeout(FAREWELL, farewell).await, Ok(Ok(()))) {
                tracing::warn!(%agent, "the end of an agent's connection could not be noted");
            }
        }
    }

    /// Returns why the tunnel ends.
    async fn watch(&mut self, tunnel: &AgentTunnel) -> &'static str {
        let mut events = self.events().await;
        let mut heartbeat = tunnel.heartbeat();
        // It is connected when it has answered, not before.
        tokio::select! {
            answered = heartbeat.wait_for(|beat| beat.count > 0) => {
                if answered.is_err() {
                    return "it did not answer";
                }
            }
            _ = tunnel.closed() => return "it did not answer",
            () = self.state.shutdown.cancelled() => return "the server stops",
        }
        match self.state.presence.connected(&self.owner).await {
            Ok(noted) => self.noted = Some(noted),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "agent not noted")
            }
        }
        // Each beat is noted as it comes: a clock of our own would note the last one up to a beat too late.
        let mut owed = self.noted.is_none();
        loop {
            let note = tokio::select! {
                _ = tunnel.closed() => return "the tunnel ended",
                () = self.state.shutdown.cancelled() => return "the server stops",
                beat = heartbeat.changed() => {
                    if beat.is_err() {
                        return "the tunnel ended";
                    }
                    true
                }
                () = next(&mut events) => false,
                () = tokio::time::sleep(AGAIN), if owed => true,
            };
            let looked = self.look(note || owed).await;
            owed = looked.is_err() && (note || owed);
            match looked {
                Ok(true) => {}
                Ok(false) => return "its build is not the newest, or its owner may not use it",
                // While the database is away, tunnels stay.
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "agent not checked"
                    );
                }
            }
        }
    }

    /// Whether the agent may stay, noting a sign of life where there was one.
    async fn look(&mut self, note: bool) -> Result<bool, Error> {
        let agent = self.owner.agent.id;
        if !note {
            return self.state.presence.may_stay(agent).await;
        }
        let seen = self.state.presence.seen(agent).await?;
        self.noted = seen.or(self.noted);
        Ok(seen.is_some())
    }

    async fn events(&self) -> Subscription {
        let pubsub = &self.state.deps.pubsub;
        let mut events = Vec::new();
        for topic in [
            Topic::Workspace(self.owner.workspace.id),
            Topic::User(self.owner.workspace.owner_id),
        ] {
            // Without events the next beat does.
            events.extend(pubsub.subscribe(topic).await.ok());
        }
        stream::select_all(events).boxed()
    }
}

async fn next(events: &mut Subscription) {
    let signal: Option<Signal> = events.next().await;
    if signal.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::check_version;

    #[test]
    fn another_major_version_is_refused() {
        for good in [None, Some("1.0"), Some("1.9")] {
            assert!(check_version(good).is_ok(), "{good:?}");
        }
        for bad in ["2.0", "", "x", "10.1"] {
            assert!(check_version(Some(bad)).is_err(), "{bad}");
        }
    }
}

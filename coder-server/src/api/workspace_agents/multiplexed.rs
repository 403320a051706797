//! Many streams to one agent in one WebSocket: a client that forwards ports is asked who it is once.

use super::{
    access::{Access, status},
    connect::{FORWARD, ROUTE, actions},
};
use crate::{api::upgrade, app_state::AppState, http::ApiResult, http::extract::Auth};
use axum::{extract::Request, response::Response};
use coder_agent::{
    Error,
    tunnel::{IncomingStream, TunnelAcceptor, frame::OpenRequest, splice},
};
use coder_core::{ErrorKind, id::WorkspaceAgentId, rbac::Action};
use tokio::task::JoinSet;

/// Serves the streams that the client opens, for as long as it may.
pub(super) async fn connect(
    auth: Auth,
    state: AppState,
    agent: WorkspaceAgentId,
    request: Request,
) -> ApiResult<Response> {
    // Who may use SSH loses the whole with that; who may not, reaches apps only.
    let mut granted: &[Action] = &[Action::Ssh];
    let access = match Access::ask(&state, &auth, agent, granted).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            granted = &[Action::ApplicationConnect];
            Access::ask(&state, &auth, agent, granted).await?
        }
        other => other?,
    };
    let handshake = upgrade::begin(request)?;
    let open = state.metrics.websocket(ROUTE);
    let (response, connection) = handshake.accept();
    state.tasks.clone().spawn(async move {
        if let Some(client) = connection.await {
            let serving = serve(&state, agent, granted, TunnelAcceptor::new(client));
            access.while_allowed(serving).await;
        }
        drop(open);
    });
    Ok(response)
}

/// Streams end with this future.
async fn serve(
    state: &AppState,
    agent: WorkspaceAgentId,
    granted: &'static [Action],
    mut client: TunnelAcceptor,
) {
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            incoming = client.accept() => match incoming {
                Ok(incoming) => {
                    let state = state.clone();
                    streams.spawn(async move {
                        if let Err(error) = stream(&state, agent, granted, incoming).await {
                            tracing::debug!(%error, "a client's stream ended");
                        }
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "a client's connection ended");
                    return;
                }
            },
            Some(_) = streams.join_next() => {}
        }
    }
}

async fn stream(
    state: &AppState,
    agent: WorkspaceAgentId,
    granted: &'static [Action],
    incoming: IncomingStream,
) -> Result<(), Error> {
    let Some((request, incoming)) = incoming.any_request().await? else {
        return Ok(());
    };
    let allowed = |actions: &[Action]| actions.iter().any(|action| granted.contains(action));
    let opened = match request {
        OpenRequest::Tcp(port) if allowed(actions(port)) => state.tunnels.open(agent, port).await,
        OpenRequest::Udp(port) if allowed(FORWARD) => state.tunnels.open_udp(agent, port).await,
        OpenRequest::Tcp(_) | OpenRequest::Udp(_) | OpenRequest::Ping | OpenRequest::Move => {
            Err(Error::new(
                coder_agent::ErrorKind::Unsupported,
                "You may not use this port.",
            ))
        }
    };
    match opened {
        Ok(opened) => {
            // Either side may break at any time; both are closed then.
            let _ = splice(incoming.accept().await?, opened).await;
            Ok(())
        }
        Err(error) => incoming.refuse(status(&error), error.message()).await,
    }
}

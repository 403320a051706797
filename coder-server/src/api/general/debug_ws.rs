//! `GET /debug/ws`.

use crate::{
    app_state::AppState,
    http::{ApiError, ApiResult, extract::Auth},
};
use axum::{
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    response::Response,
};
use coder_core::{
    ErrorKind,
    service::sessions::{self, Session},
};
use http::StatusCode;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

const ROUTE: &str = "/api/v2/debug/ws";
/// The longest message that is sent back.
const MAX_MESSAGE: usize = 16 * 1024;
/// How long one such connection lasts at most: longer than boxes on the way let one be silent.
const LIFETIME: Duration = Duration::from_secs(3_600);
/// How often the session is checked.
const RECHECK: Duration = Duration::from_secs(60);
/// The longest a client may take to read one message.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// A WebSocket that sends back what it hears
///
/// For finding out what is between a client and the server. It is silent unless spoken to, so that a client
/// can see how long the way lets it be so.
#[utoipa::path(
    get, path = "/debug/ws", tag = "Debug",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = SWITCHING_PROTOCOLS)),
)]
pub(crate) async fn debug_ws(
    auth: Auth,
    State(state): State<AppState>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> ApiResult<Response> {
    let upgrade = upgrade.map_err(|rejection| {
        let error = ApiError::new(StatusCode::BAD_REQUEST, "This needs a WebSocket.");
        error.with_detail(rejection.body_text())
    })?;
    let upgrade = upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    let open = state.metrics.websocket(ROUTE);
    Ok(upgrade.on_upgrade(move |socket| async move {
        tokio::select! {
            () = state.tasks.track_future(echo(socket)) => {}
            () = session_ended(&state, &auth.0) => {}
            () = state.shutdown.cancelled() => {}
        }
        drop(open);
    }))
}

/// Returns when whoever opened the connection may not have it any more.
async fn session_ended(state: &AppState, session: &Session) {
    loop {
        tokio::time::sleep(RECHECK).await;
        match sessions::still_valid(&state.deps, session).await {
            Err(error) if error.kind() != ErrorKind::Unavailable => return,
            Ok(_) | Err(_) => {}
        }
    }
}

async fn echo(mut socket: WebSocket) {
    let end = Instant::now() + LIFETIME;
    while let Ok(Some(Ok(message))) = timeout_at(end, socket.recv()).await {
        if !matches!(message, Message::Text(_) | Message::Binary(_)) {
            continue;
        }
        if !matches!(
            timeout(SEND_TIMEOUT, socket.send(message)).await,
            Ok(Ok(()))
        ) {
            return;
        }
    }
}

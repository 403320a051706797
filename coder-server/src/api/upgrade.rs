//! WebSockets that carry bytes, in the agent crate's own framing.

use crate::http::ApiError;
use axum::{body::Body, extract::Request, response::Response};
use coder_agent::tunnel::ws::{self, WsIo};
use http::StatusCode;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::time::timeout;

/// How long the client may take to switch over after the answer.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(10);

/// A request for a WebSocket that has not been answered yet.
pub(crate) struct Handshake {
    response: http::Response<()>,
    upgrade: OnUpgrade,
}

/// Checks that a request is for a WebSocket.
///
/// # Errors
/// 400 when it is not; 426 over HTTP/2, which needs another handshake.
pub(crate) fn begin(mut request: Request) -> Result<Handshake, ApiError> {
    if request.version() == http::Version::HTTP_2 {
        let message = "This WebSocket needs HTTP/1.1.";
        return Err(ApiError::new(StatusCode::UPGRADE_REQUIRED, message));
    }
    let response = ws::upgrade_response(request.headers()).map_err(|error| {
        ApiError::new(StatusCode::BAD_REQUEST, "This needs a WebSocket.")
            .with_detail(error.message())
    })?;
    let upgrade = hyper::upgrade::on(&mut request);
    Ok(Handshake { response, upgrade })
}

impl Handshake {
    /// The answer, and the connection as bytes in messages once the client has switched over.
    pub(crate) fn accept(
        self,
    ) -> (
        Response,
        impl Future<Output = Option<WsIo<TokioIo<Upgraded>>>>,
    ) {
        let (response, connection) = self.switch();
        let connection = async move { Some(ws::server_io(connection.await?)) };
        (response, connection)
    }

    /// The answer, and the bare connection once the client has switched over.
    pub(crate) fn switch(self) -> (Response, impl Future<Output = Option<TokioIo<Upgraded>>>) {
        let response = self.response.map(|()| Body::empty());
        let upgrade = self.upgrade;
        let connection = async move {
            match timeout(SWITCH_TIMEOUT, upgrade).await {
                Ok(Ok(upgraded)) => Some(TokioIo::new(upgraded)),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a client did not switch over");
                    None
                }
                Err(_) => None,
            }
        };
        (response, connection)
    }
}

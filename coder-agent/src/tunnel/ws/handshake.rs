use std::time::Duration;

use http::header::{
    CONNECTION, HeaderMap, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::WsByteStream;
use super::wire::Role;
use crate::client::{response_error, send_error};
use crate::tunnel::{BoxedIo, Io};
use crate::{Error, ErrorKind, Result};

/// How long a server may take to upgrade the connection, opening the agent's stream included.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes over a WebSocket over `T`.
pub type WsIo<T> = WsByteStream<T>;

/// The client's side of a WebSocket over `io`, a connection that has been upgraded already.
pub fn client_io<T: Io>(io: T) -> WsIo<T> {
    WsByteStream::new(io, Role::Client)
}

/// The server's side of a WebSocket over `io`, a connection that has been upgraded already; see
/// [`upgrade_response`].
pub fn server_io<T: Io>(io: T) -> WsIo<T> {
    WsByteStream::new(io, Role::Server)
}

/// Opens a WebSocket by `request`, a GET made by a client that speaks HTTP/1.1, and speaks it as a stream of
/// bytes.
///
/// # Errors
/// As [`upgrade`].
pub async fn connect(request: reqwest::RequestBuilder) -> Result<WsIo<BoxedIo>> {
    Ok(client_io(upgrade(request).await?))
}

/// Opens a WebSocket by `request`, a GET made by a client that speaks HTTP/1.1, and leaves speaking it to the
/// caller.
///
/// # Errors
/// What the server answered instead of upgrading, by its status; or
/// [`Unavailable`](ErrorKind::Unavailable) when it cannot be reached.
pub async fn upgrade(request: reqwest::RequestBuilder) -> Result<BoxedIo> {
    let key = generate_key();
    let request = request
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key);
    let upgraded = tokio::time::timeout(UPGRADE_TIMEOUT, async {
        let response = request.send().await.map_err(send_error)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(response_error(response).await);
        }
        let accept = response
            .headers()
            .get(SEC_WEBSOCKET_ACCEPT)
            .map(HeaderValue::as_bytes);
        if accept != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            let message = "server did not confirm the WebSocket handshake";
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        response.upgrade().await.map_err(send_error)
    });
    let upgraded = upgraded
        .await
        .map_err(|_| Error::new(ErrorKind::TimedOut, "server did not upgrade in time"))??;
    Ok(Box::new(upgraded))
}

/// The answer to a request for a WebSocket, for servers that upgrade connections themselves.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) when the headers do not ask for a WebSocket of
/// version 13.
pub fn upgrade_response(request: &HeaderMap) -> Result<Response<()>> {
    let asks = has_token(request, CONNECTION, "upgrade")
        && has_token(request, UPGRADE, "websocket")
        && request
            .get(SEC_WEBSOCKET_VERSION)
            .is_some_and(|version| version == "13");
    let key = request.get(SEC_WEBSOCKET_KEY).filter(|_| asks);
    let refused = || Error::new(ErrorKind::InvalidInput, "request is not for a WebSocket");
    let accept = derive_accept_key(key.ok_or_else(refused)?.as_bytes());
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .body(())
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot make the handshake").with_source(error)
        })
}

fn has_token(headers: &HeaderMap, name: http::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name);
    values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

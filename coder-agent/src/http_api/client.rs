use std::time::Duration;

use bytes::Bytes;
use coder_core::id::DevcontainerId;
use http::header::{ACCEPT, HOST};
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Body as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{CONTAINERS, LISTENING_PORTS, ListeningPortsResponse, RECREATE};
use crate::client::status_error;
use crate::protocol::ListContainersResponse;
use crate::tunnel::Io;
use crate::{Error, ErrorKind, Result};

/// How long a call may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// The largest body that is taken from an agent, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The most bytes of headers that are taken from an agent.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The most headers that are taken from an agent.
const MAX_HEADERS: usize = 64;

/// Asks an agent for the ports on which programs of its workspace listen. `io` is a stream to port
/// [`HTTP_API`](crate::tunnel::port::HTTP_API).
///
/// # Errors
/// As [`get`].
pub async fn listening_ports(io: impl Io) -> Result<ListeningPortsResponse> {
    get(io, LISTENING_PORTS).await
}

/// Asks an agent for the containers of its workspace, over such a stream.
///
/// # Errors
/// As [`get`].
pub async fn containers(io: impl Io) -> Result<ListContainersResponse> {
    get(io, CONTAINERS).await
}

/// Has an agent make a dev container anew, over such a stream. It does so in the background.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) for an unknown one, [`Conflict`](ErrorKind::Conflict) when something is
/// being done with it or a program is missing; else as [`get`].
pub async fn recreate_devcontainer(io: impl Io, id: DevcontainerId) -> Result<()> {
    let (before, after) = RECREATE;
    let path = format!("{before}{id}{after}");
    ask(io, Method::POST, &path).await.map(drop)
}

/// Gets JSON from a path of an agent's API over a stream of its own.
///
/// # Errors
/// What the agent answered, by its status; [`TimedOut`](ErrorKind::TimedOut) after
/// [`CALL_TIMEOUT`], [`Protocol`](ErrorKind::Protocol) for what is not HTTP or not the JSON,
/// [`TooLarge`](ErrorKind::TooLarge) above [`MAX_BODY_BYTES`].
pub async fn get<A: DeserializeOwned>(io: impl Io, path: &str) -> Result<A> {
    let body = ask(io, Method::GET, path).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let message = format!("agent's answer to {path} is not understood");
        Error::new(ErrorKind::Protocol, message).with_source(error)
    })
}

/// The body of a good answer.
async fn ask(io: impl Io, method: Method, path: &str) -> Result<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "agent")
        .header(ACCEPT, "application/json")
        .body(Empty::new());
    let request = request.map_err(|error| {
        let message = format!("{path} is no path of the agent's API");
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })?;
    let response = timeout(CALL_TIMEOUT, call(io, request)).await;
    let response = response
        .map_err(|_| Error::new(ErrorKind::TimedOut, "agent did not answer the call in time"))??;
    if !response.status().is_success() {
        return Err(status_error(response.status(), response.body()));
    }
    Ok(response.into_body())
}

/// One request and its answer, both bounded: the agent may be anything that has its token.
async fn call(io: impl Io, request: Request<Empty<Bytes>>) -> Result<Response<Bytes>> {
    let mut http = http1::Builder::new();
    http.max_buf_size(MAX_HEADER_BYTES).max_headers(MAX_HEADERS);
    let (mut sender, connection) = http.handshake(TokioIo::new(io)).await.map_err(broken)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let (parts, body) = response.into_parts();
        let too_large = || Error::new(ErrorKind::TooLarge, "agent's answer is too large");
        // One that says its size need not be waited for.
        if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
            return Err(too_large());
        }
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
        let body = body.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                return too_large();
            }
            Error::new(ErrorKind::Protocol, "agent's answer broke off").with_source(error)
        })?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    tokio::pin!(answer);
    // The connection lives no longer than the call: nothing is left behind when it is dropped.
    tokio::select! {
        answer = &mut answer => answer,
        // It tells by the answer why it ended.
        _ = connection => answer.await,
    }
}

fn broken(error: hyper::Error) -> Error {
    Error::new(
        ErrorKind::Protocol,
        "agent does not speak HTTP as it should",
    )
    .with_source(error)
}

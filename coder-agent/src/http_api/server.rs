use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::containers::{containers, recreate};
use super::listening_ports::listening_ports;
use super::{CONTAINERS, ErrorResponse, LISTENING_PORTS, RECREATE};
use crate::devcontainers::Devcontainers;
use crate::port_scan::PortScanner;

/// How long a call may take, and its headers to come.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// The most bytes of headers that are taken.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The body of an answer.
pub(super) type Answer = Full<Bytes>;

/// The API of one agent; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct HttpApi {
    pub(super) ports: Arc<PortScanner>,
    pub(super) devcontainers: Option<Devcontainers>,
}

impl HttpApi {
    /// An API that does not tell of the agent's own ports.
    #[must_use]
    pub fn new(own_ports: BTreeSet<u16>) -> Self {
        Self {
            ports: Arc::new(PortScanner::new(own_ports)),
            devcontainers: None,
        }
    }

    /// Tells of these containers too.
    #[must_use]
    pub fn with_devcontainers(mut self, devcontainers: Devcontainers) -> Self {
        self.devcontainers = Some(devcontainers);
        self
    }

    /// Serves the calls of one stream until it ends or `shutdown`.
    pub async fn serve<S>(&self, stream: S, shutdown: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let service = service_fn(|request| async move {
            let answer = timeout(CALL_TIMEOUT, self.answer(request)).await;
            let late = |_| error(StatusCode::GATEWAY_TIMEOUT, "The call took too long.");
            Ok::<_, Infallible>(answer.unwrap_or_else(late))
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(CALL_TIMEOUT)
            .max_buf_size(MAX_HEADER_BYTES);
        tokio::select! {
            served = http.serve_connection(TokioIo::new(stream), service) => {
                if let Err(error) = served {
                    tracing::debug!(%error, "a client of the agent's API broke off");
                }
            }
            () = shutdown.cancelled() => {}
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let (method, path) = (request.method(), request.uri().path());
        let (before, after) = RECREATE;
        let recreated = path.strip_prefix(before);
        let recreated = recreated.and_then(|path| path.strip_suffix(after));
        match (method, path, recreated) {
            (&Method::GET, LISTENING_PORTS, _) => listening_ports(self).await,
            (&Method::GET, CONTAINERS, _) => containers(self),
            (&Method::POST, _, Some(id)) => recreate(self, id),
            (_, LISTENING_PORTS | CONTAINERS, _) | (_, _, Some(_)) => error(
                StatusCode::METHOD_NOT_ALLOWED,
                "This path does not know this method.",
            ),
            _ => error(StatusCode::NOT_FOUND, "The agent does not know this path."),
        }
    }
}

/// An answer of JSON.
pub(super) fn json(value: &impl Serialize) -> Response<Answer> {
    match serde_json::to_vec(value) {
        Ok(body) => response(StatusCode::OK, body),
        Err(error) => {
            tracing::warn!(%error, "an answer has no JSON");
            internal("The agent failed.")
        }
    }
}

/// A fault of the agent, whose cause is logged.
pub(super) fn internal(message: &str) -> Response<Answer> {
    error(StatusCode::INTERNAL_SERVER_ERROR, message)
}

/// An answer of one sentence.
pub(super) fn error(status: StatusCode, message: &str) -> Response<Answer> {
    let body = ErrorResponse {
        message: message.to_owned(),
        detail: String::new(),
    };
    response(status, serde_json::to_vec(&body).unwrap_or_default())
}

fn response(status: StatusCode, body: Vec<u8>) -> Response<Answer> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

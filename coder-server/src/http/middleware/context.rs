//! The outermost middleware: names the request, measures it and writes one line about it.

use super::{Identity, real_ip};
use crate::{app_state::AppState, http::error::LoggedCause};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use coder_core::id::random_uuid;
use http::{HeaderName, HeaderValue, header};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Instant,
};
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-coder-request-id");

/// What is known of every request.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    /// Names it in the log and towards the client.
    pub(crate) id: Uuid,
    /// Whom it comes from, behind trusted proxies.
    pub(crate) ip: Option<IpAddr>,
    /// Set by an inner layer once it is known.
    user: Arc<OnceLock<String>>,
}

impl RequestContext {
    /// Notes who was found to ask, for the log.
    pub(crate) fn identified(&self, identity: &Identity) {
        let name = match identity {
            Identity::User(session) => session.user.id.to_string(),
            Identity::Agent(owner) => format!("agent:{}", owner.agent.id),
        };
        let _ = self.user.set(name);
    }
}

/// Names, measures and logs a request. The query is left out of the log: it may hold a token.
pub(crate) async fn observe(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    let context = RequestContext {
        id: random_uuid(&*state.deps.entropy),
        ip: peer.map(|peer| real_ip::resolve(&state.trusted_proxies, peer, request.headers())),
        user: Arc::new(OnceLock::new()),
    };
    request.extensions_mut().insert(context.clone());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let user_agent = request.headers().get(header::USER_AGENT).cloned();

    let running = state.metrics.begin(&method, &route);
    let mut response = next.run(request).await;
    running.end(response.status(), began.elapsed());

    if let Ok(id) = HeaderValue::try_from(context.id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let status = response.status();
    let cause = response
        .extensions()
        .get::<LoggedCause>()
        .map(|cause| Arc::clone(&cause.0));
    let user = context.user.get().map(String::as_str);
    let (ip, took_ms) = (context.ip, began.elapsed().as_secs_f64() * 1000.0);
    // Debug formatting escapes what a client could use to forge a line.
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                request_id = %context.id, %method, ?path, status = status.as_u16(), took_ms,
                ip = ip.map(tracing::field::display), user, ?user_agent,
                cause = cause.as_deref().map(tracing::field::debug), "request",
            )
        };
    }
    if status.is_server_error() {
        line!(error);
    } else if cause.is_some() {
        line!(warn);
    } else {
        line!(debug);
    }
    response
}

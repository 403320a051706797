//! Requests per minute of one user, or of one address, to one route.

use super::{Identity, RequestContext, real_ip::client_block};
use crate::{app_state::AppState, http::error::ApiError};
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use coder_core::Timestamp;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Requests per minute to what checks passwords.
const LOGIN: u32 = 60;
/// Uploads and downloads per minute.
const FILES: u32 = 12;
/// Keys that are remembered at most; beyond that the table begins anew.
const MAX_KEYS: usize = 100_000;

/// Streams to agents.
const CONNECT: &str = "/api/v2/workspaceagents/{workspaceagent}/connect";

const BYPASS: &str = "x-coder-bypass-ratelimit";

/// Counts requests in windows of one minute, for this process alone.
#[derive(Debug, Default)]
pub struct RateLimiter(Mutex<Windows>);

#[derive(Debug, Default)]
struct Windows {
    minute: i64,
    counts: HashMap<(String, String), u32>,
}

impl RateLimiter {
    /// Counts a request of `who` to `route`. Answers the seconds to wait when it is one too many.
    fn count(&self, who: String, route: &str, limit: u32, now: Timestamp) -> Option<u64> {
        let seconds = now.timestamp();
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = seconds.div_euclid(60);
        if windows.minute != minute || windows.counts.len() >= MAX_KEYS {
            windows.minute = minute;
            windows.counts.clear();
        }
        let count = windows.counts.entry((who, route.to_owned())).or_default();
        *count = count.saturating_add(1);
        (*count > limit).then(|| (60 - seconds.rem_euclid(60)).unsigned_abs())
    }
}

/// Refuses one request too many. The route, not the path, is counted, so that spelling a path in another
/// way gains nothing.
pub(crate) async fn limit_rate(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let http = &state.config.http;
    let unlimited = http.dangerous_disable_rate_limits || bypasses(&request);
    // A negative limit is none.
    let Some(api) = u32::try_from(http.api_rate_limit)
        .ok()
        .filter(|_| !unlimited)
    else {
        return next.run(request).await;
    };
    let extensions = request.extensions();
    let route = extensions
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str);
    let login = [
        "/api/v2/users/login",
        "/api/v2/users/first",
        "/api/v2/users/validate-password",
    ];
    let guesses = login.contains(&route);
    // One request for each connection of a forwarded port; the agent's tunnel has its own bound.
    if route == CONNECT && matches!(extensions.get(), Some(Identity::User(_))) {
        return next.run(request).await;
    }
    let limit = match route {
        _ if guesses => LOGIN,
        "/api/v2/files" | "/api/v2/files/{fileID}" => FILES,
        _ => api,
    };
    let ip = extensions
        .get::<RequestContext>()
        .and_then(|context| context.ip);
    let who = match extensions.get::<Identity>() {
        // Whoever guesses passwords is an address, signed in or not.
        Some(Identity::User(session)) if !guesses => session.user.id.to_string(),
        Some(Identity::Agent(owner)) => owner.agent.id.to_string(),
        _ => ip
            .map(|ip| client_block(ip).to_string())
            .unwrap_or_default(),
    };
    match state.limiter.count(who, route, limit, state.deps.now()) {
        Some(seconds) => ApiError::too_many_requests(seconds).into_response(),
        None => next.run(request).await,
    }
}

/// Owners may lift the limit for themselves, to load many things at once.
fn bypasses(request: &Request) -> bool {
    let asked = request
        .headers()
        .get(BYPASS)
        .is_some_and(|value| value == "true");
    let identity = request.extensions().get::<Identity>();
    asked && matches!(identity, Some(Identity::User(session)) if session.subject.has_role("owner"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_limit() {
        let limiter = RateLimiter::default();
        let at = |seconds| Timestamp::from_timestamp(seconds, 0).expect("time");
        let count = |who: &str, seconds| limiter.count(who.to_owned(), "/x", 2, at(seconds));
        assert_eq!(count("a", 120), None);
        assert_eq!(count("a", 121), None);
        assert_eq!(count("a", 130), Some(50));
        assert_eq!(count("b", 131), None);
        assert_eq!(count("a", 180), None);
    }
}

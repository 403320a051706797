//! Looks the credential of a request up, once, before rate limits and handlers need it.

use super::RequestContext;
use crate::{app_state::AppState, http::error::ApiError};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use coder_core::{
    ErrorKind,
    service::sessions::{self, Session},
    store::AgentOwner,
};
use http::{HeaderMap, header, request::Parts};
use std::{borrow::Cow, sync::Arc};
use uuid::Uuid;

/// The name of the session cookie, of the query parameter too.
pub(crate) const SESSION_TOKEN: &str = "coder_session_token";
/// The header with a session's, a token's or an agent's token.
pub(crate) const SESSION_TOKEN_HEADER: &str = "coder-session-token";

/// Who a request comes from. Requests without this extension come from nobody.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// A signed-in user.
    User(Arc<Session>),
    /// The current agent of a workspace.
    Agent(Arc<AgentOwner>),
}

/// Notes the [`Identity`] of a request. A refused credential is no error here: the endpoint may be public.
pub(crate) async fn authenticate(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Some(token) = token(&parts, state.config.http.session_cookie_name()) {
        let token = token.into_owned();
        match identify(&state, &token).await {
            Ok(identity) => {
                if let Some(context) = parts.extensions.get::<RequestContext>() {
                    context.identified(&identity);
                }
                parts.extensions.insert(identity);
            }
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {}
            Err(error) => return ApiError::from(error).into_response(),
        }
    }
    next.run(Request::from_parts(parts, body)).await
}

async fn identify(state: &AppState, token: &str) -> coder_core::Result<Identity> {
    // Agent tokens are UUIDs, keys are not: each kind reaches only its own endpoints.
    if token.len() == 36 && Uuid::try_parse(token).is_ok() {
        let owner = state.presence.authenticate(token).await?;
        return Ok(Identity::Agent(Arc::new(owner)));
    }
    let refresh = !state.config.http.disable_session_expiry_refresh;
    let session = sessions::authenticate(&state.deps, token, refresh).await?;
    Ok(Identity::User(Arc::new(session)))
}

/// The first token that is found, in the order that clients rely on.
fn token<'a>(parts: &'a Parts, cookie_name: &str) -> Option<Cow<'a, str>> {
    cookie(&parts.headers, cookie_name)
        .map(Cow::Borrowed)
        .or_else(|| query(parts, SESSION_TOKEN))
        .or_else(|| header_text(&parts.headers, SESSION_TOKEN_HEADER).map(Cow::Borrowed))
        .or_else(|| bearer(&parts.headers).map(Cow::Borrowed))
        .or_else(|| query(parts, "access_token"))
        .filter(|token| token.len() <= 64)
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value)
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)?
        .to_str()
        .ok()
        .filter(|text| !text.is_empty())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header_text(headers, "authorization")?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn query<'a>(parts: &'a Parts, name: &str) -> Option<Cow<'a, str>> {
    let query = parts.uri.query()?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(key, value)| key == name && !value.is_empty())
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(uri: &str, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("request").into_parts();
        token(&parts, SESSION_TOKEN).map(Cow::into_owned)
    }

    #[test]
    fn the_first_token_in_order_is_taken() {
        let cookie = ("cookie", "a=b; coder_session_token=c; x=y");
        let (header, bearer) = ((SESSION_TOKEN_HEADER, "h"), ("authorization", "bearer b"));
        let uri = "/?access_token=a&coder_session_token=q";
        assert_eq!(found(uri, &[cookie, header, bearer]).as_deref(), Some("c"));
        assert_eq!(found(uri, &[header, bearer]).as_deref(), Some("q"));
        assert_eq!(
            found("/?access_token=a", &[header, bearer]).as_deref(),
            Some("h")
        );
        assert_eq!(found("/?access_token=a", &[bearer]).as_deref(), Some("b"));
        assert_eq!(found("/?access_token=a", &[]).as_deref(), Some("a"));
        assert_eq!(found("/", &[("authorization", "Basic eDp5")]), None);
    }
}

//! Refuses what another site makes a browser do.

use super::authenticate::cookie;
use crate::{app_state::AppState, http::error::ApiError};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use url::Url;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses requests that change something, and WebSockets, when a browser says that another site asks for
/// them. Browsers always say so; with a session cookie silence is refused too, other clients send headers.
pub(crate) async fn refuse_cross_site(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let socket = is_websocket(&request);
    if safe && !socket {
        return next.run(request).await;
    }
    // HTTP/2 has no Host header, the authority is in the URI.
    let host = request.uri().authority().map(http::uri::Authority::as_str);
    let host = host.or_else(|| headers.get(header::HOST)?.to_str().ok());
    let origin = origin(headers, host, state.config.http.access_url.as_ref());
    let with_cookie = cookie(headers, state.config.http.session_cookie_name()).is_some();
    let refused = match origin {
        Origin::Same => false,
        Origin::Other => true,
        Origin::Unsaid => with_cookie && !socket,
    };
    if refused {
        let message = "This request was made by another site, which is not permitted.";
        return ApiError::new(StatusCode::FORBIDDEN, message).into_response();
    }
    next.run(request).await
}

/// Whether a request wants to become a WebSocket, in HTTP/1.1 or HTTP/2.
pub(crate) fn is_websocket(request: &Request) -> bool {
    let upgrade = request.headers().get(header::UPGRADE);
    let upgrade = upgrade.and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
        || *request.method() == Method::CONNECT
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Same,
    Other,
    Unsaid,
}

fn origin(headers: &HeaderMap, host: Option<&str>, access_url: Option<&Url>) -> Origin {
    let text = |name: HeaderName| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("null"))
    };
    let site = text(SEC_FETCH_SITE);
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Origin::Other;
    }
    let Some(origin) = text(header::ORIGIN) else {
        return if site.is_some() {
            Origin::Same
        } else {
            Origin::Unsaid
        };
    };
    let Ok(origin) = Url::parse(origin) else {
        return Origin::Other;
    };
    let is_access_url = access_url.is_some_and(|url| url.origin() == origin.origin());
    if is_access_url || host.is_some_and(|host| is_at(&origin, host)) {
        Origin::Same
    } else {
        Origin::Other
    }
}

/// Whether an origin is `host`, as a client names it: without a port it is the scheme's.
fn is_at(origin: &Url, host: &str) -> bool {
    let named = Url::parse(&format!("{}://{host}/", origin.scheme()));
    named.is_ok_and(|named| named.origin() == origin.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn judged(pairs: &[(HeaderName, &'static str)]) -> Origin {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let access_url = Url::parse("https://coder.example.com").expect("url");
        origin(&pairs.collect(), Some("127.0.0.1:3000"), Some(&access_url))
    }

    #[test]
    fn only_the_own_origin_is_the_same() {
        for own in ["https://coder.example.com", "http://127.0.0.1:3000"] {
            assert_eq!(judged(&[(header::ORIGIN, own)]), Origin::Same, "{own}");
        }
        for other in [
            "null",
            "https://coder.example.com.evil.org",
            "https://app--ws.coder.example.com",
            "http://coder.example.com",
            "http://127.0.0.1:3001",
            "",
        ] {
            assert_eq!(judged(&[(header::ORIGIN, other)]), Origin::Other, "{other}");
        }
    }

    #[test]
    fn the_browser_says_which_site_asks() {
        assert_eq!(judged(&[(SEC_FETCH_SITE, "cross-site")]), Origin::Other);
        assert_eq!(judged(&[(SEC_FETCH_SITE, "same-site")]), Origin::Other);
        assert_eq!(judged(&[(SEC_FETCH_SITE, "same-origin")]), Origin::Same);
        assert_eq!(judged(&[]), Origin::Unsaid);
    }
}

//! Liveness and the page of a server without a dashboard.

use crate::{api::general::api_root, app_state::AppState};
use axum::{Router, response::Html, routing::get};
use http::header;

const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Coder</title>\
    <p>This is a Coder server. Sign in with <code>coder login</code> and this page's address.</html>";

/// Routes that need no credentials and tell nothing.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(|| async { "OK" }))
        .route("/latency-check", get(latency_check))
        .route("/bin/{file}", get(super::bin::get))
        // The root of the API with a slash at the end, which clients ask for.
        .route("/api/v2/", get(api_root))
        .route("/", get(|| async { Html(PAGE) }))
}

/// The dashboard measures how long this takes, from other origins too.
async fn latency_check() -> ([(header::HeaderName, &'static str); 3], &'static str) {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("timing-allow-origin"), "*"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, "OK")
}

//! How many requests run at once and how long each may take.

use crate::{
    app_state::AppState,
    http::{error::ApiError, extract::JSON_LIMIT},
};
use axum::body::HttpBody as _;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Requests that run at once; an upgraded connection or a streamed answer counts no longer.
const MAX_IN_FLIGHT: usize = 2048;
/// The longest a handler may take. Uploads read their body under limits of their own.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest an upload may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// When whoever was turned away may try again; clients spread it.
const RETRY_AFTER_SECONDS: u64 = 2;

/// Counts requests that run.
#[derive(Clone, Debug)]
pub(crate) struct InFlight(Arc<Semaphore>);

impl Default for InFlight {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_IN_FLIGHT)))
    }
}

/// Sheds what exceeds the bound at once, and ends what takes too long.
pub(crate) async fn bound_requests(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(_permit) = state.in_flight.0.try_acquire() else {
        return unavailable("The server has too much to do right now, try again.");
    };
    let archive = request.method() == http::Method::POST && request.uri().path() == "/api/v2/files";
    let declared = request.body().size_hint().exact().unwrap_or(0);
    // A Terraform state; handlers that do not expect one refuse it before they read it.
    let upload = archive || declared > JSON_LIMIT as u64;
    let timeout = if upload { UPLOAD_TIMEOUT } else { TIMEOUT };
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => unavailable("The server did not manage to answer in time, try again."),
    }
}

fn unavailable(message: &str) -> Response {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message)
        .with_retry_after(RETRY_AFTER_SECONDS)
        .into_response()
}

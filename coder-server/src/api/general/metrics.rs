//! `GET /debug/metrics`.

use crate::{
    app_state::AppState,
    http::{ApiResult, extract::Auth},
};
use axum::extract::State;
use coder_core::rbac::{Action, Object, ResourceType};
use http::{HeaderName, header};

/// The metrics of this process
#[utoipa::path(
    get, path = "/debug/metrics", tag = "Debug",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("debug_info:read"))),
    responses((status = OK, body = String, content_type = "application/openmetrics-text")),
)]
pub(crate) async fn debug_metrics(
    auth: Auth,
    State(state): State<AppState>,
) -> ApiResult<([(HeaderName, &'static str); 1], String)> {
    let any = Object::of(ResourceType::DebugInfo);
    state.deps.require(auth.subject(), Action::Read, &any)?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], state.metrics.encode()))
}

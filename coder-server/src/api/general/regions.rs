//! `GET /regions` and `/applications/host`.

use super::buildinfo::deployment_id;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json},
    },
};
use axum::extract::State;
use uuid::Uuid;

/// Where apps can be reached.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct RegionsResponse {
    regions: Vec<Region>,
}

/// A place where apps can be reached.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct Region {
    id: Uuid,
    name: &'static str,
    display_name: &'static str,
    icon_url: String,
    healthy: bool,
    path_app_url: String,
    wildcard_hostname: String,
}

/// Where apps can be reached: this server
#[utoipa::path(
    get, path = "/regions", tag = "WorkspaceProxies",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = OK, body = RegionsResponse)),
)]
pub(crate) async fn regions(
    _: Auth,
    State(state): State<AppState>,
) -> ApiResult<Json<RegionsResponse>> {
    let id = deployment_id(&state).await?.parse().unwrap_or_default();
    let http = &state.config.http;
    let primary = Region {
        id,
        name: "primary",
        display_name: "Default",
        icon_url: String::new(),
        healthy: true,
        path_app_url: http.access_url_text(),
        wildcard_hostname: http.wildcard_access_url.clone(),
    };
    Ok(Json(RegionsResponse {
        regions: vec![primary],
    }))
}

/// The host name of apps.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct AppHostResponse {
    host: String,
}

/// The host name of apps
#[utoipa::path(
    get, path = "/applications/host", tag = "Applications",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = OK, body = AppHostResponse)),
)]
pub(crate) async fn applications_host(
    _: Auth,
    State(state): State<AppState>,
) -> Json<AppHostResponse> {
    Json(AppHostResponse {
        host: state.config.http.wildcard_access_url.clone(),
    })
}

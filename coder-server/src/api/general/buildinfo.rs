//! `GET /buildinfo`.

use crate::{
    app_state::AppState,
    http::{ApiResult, extract::Json},
};
use axum::extract::State;
use coder_core::id::random_uuid;

/// The setting that holds the id of the deployment.
const DEPLOYMENT_ID: &str = "deployment_id";

/// Version, URLs and ids of the server.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct BuildInfoResponse {
    /// Where the source of this version is.
    external_url: String,
    version: String,
    dashboard_url: String,
    telemetry: bool,
    workspace_proxy: bool,
    agent_api_version: String,
    provisioner_api_version: String,
    upgrade_message: String,
    deployment_id: String,
}

/// Version, URLs and ids of the server
///
/// Clients compare the version with their own.
#[utoipa::path(
    get, path = "/buildinfo", tag = "General",
    security(()), extensions(("x-permission" = json!("none"))),
    responses((status = OK, body = BuildInfoResponse)),
)]
pub(crate) async fn buildinfo(State(state): State<AppState>) -> ApiResult<Json<BuildInfoResponse>> {
    let deployment_id = deployment_id(&state).await?;
    Ok(Json(BuildInfoResponse {
        external_url: String::new(),
        version: crate::VERSION.to_owned(),
        dashboard_url: state.config.http.access_url_text(),
        telemetry: false,
        workspace_proxy: false,
        agent_api_version: coder_agent::protocol::API_VERSION.to_owned(),
        provisioner_api_version: "1.0".to_owned(),
        upgrade_message: state.config.client.cli_upgrade_message.clone(),
        deployment_id,
    }))
}

/// The id of the deployment, made when it is asked for first.
pub(super) async fn deployment_id(state: &AppState) -> ApiResult<String> {
    let mut tx = state.deps.begin().await?;
    let fresh = random_uuid(&*state.deps.entropy).to_string();
    let id = tx.settings().get_or_insert(DEPLOYMENT_ID, &fresh).await?;
    tx.commit().await?;
    Ok(id)
}

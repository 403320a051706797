//! `POST /organizations/{organization}/provisionerkeys`.

use crate::{
    api::find,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    provisioner_job::Tags,
    secret::Secret,
    service::provisioner_keys::{NewProvisionerKey, ProvisionerKeys},
};
use http::StatusCode;

/// A key to make.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct CreateProvisionerKeyRequest {
    /// Unique per organization.
    name: String,
    /// The tags of the daemons that will join with it.
    #[serde(default)]
    tags: Option<Tags>,
}

/// The secret of a new key.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct CreateProvisionerKeyResponse {
    /// 43 letters and digits, shown this once.
    #[schema(value_type = String)]
    key: Secret,
}

/// Create a provisioner key
#[utoipa::path(
    post, path = "/organizations/{organization}/provisionerkeys", tag = "Enterprise",
    security(("CoderSessionToken" = [])), request_body = CreateProvisionerKeyRequest,
    extensions(("x-permission" = json!("provisioner_daemon:create"))),
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = CREATED, body = CreateProvisionerKeyResponse)),
)]
pub(crate) async fn create_provisioner_key(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
    Json(request): Json<CreateProvisionerKeyRequest>,
) -> ApiResult<(StatusCode, Json<CreateProvisionerKeyResponse>)> {
    let organization = find::organization(&state, auth.subject(), &organization).await?;
    let keys = ProvisionerKeys::new(state.deps.clone());
    let new = NewProvisionerKey {
        name: request.name,
        tags: request.tags.unwrap_or_default(),
    };
    let key = keys.create(auth.subject(), organization, new).await?;
    Ok((
        StatusCode::CREATED,
        Json(CreateProvisionerKeyResponse { key }),
    ))
}

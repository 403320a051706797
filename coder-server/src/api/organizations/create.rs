//! `POST /organizations`.

use super::types::Organization;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json},
    },
};
use axum::extract::State;
use coder_core::service::organizations::{self, NewOrganization};
use http::StatusCode;

/// An organization to make.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct CreateOrganizationRequest {
    name: String,
    display_name: String,
    description: String,
    icon: String,
}

/// Create an organization
#[utoipa::path(
    post, path = "/organizations", tag = "Organizations", request_body = CreateOrganizationRequest,
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("organization:create"))),
    responses((status = CREATED, body = Organization)),
)]
pub(crate) async fn create_organization(
    auth: Auth,
    State(state): State<AppState>,
    Json(request): Json<CreateOrganizationRequest>,
) -> ApiResult<(StatusCode, Json<Organization>)> {
    let new = NewOrganization {
        name: request.name,
        display_name: request.display_name,
        description: request.description,
        icon: request.icon,
    };
    let organization = organizations::create(&state.deps, auth.subject(), new).await?;
    Ok((StatusCode::CREATED, Json(organization.into())))
}

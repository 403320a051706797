//! `GET /templateversions/{templateversion}/external-auth`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::TemplateVersionId, service::template_versions};

/// An external account that a version asks for.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct TemplateVersionExternalAuth {
    /// Id of the provider, as the template names it.
    id: String,
    /// Type of the provider; empty while it is not configured on this server.
    #[serde(rename = "type")]
    kind: &'static str,
    display_name: String,
    display_icon: &'static str,
    /// Where the account is linked.
    authenticate_url: String,
    /// Whether the caller has linked an account.
    authenticated: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
}

/// External accounts that a version asks for
///
/// No provider can be configured yet, so nobody has linked an account.
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/external-auth", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Vec<TemplateVersionExternalAuth>)),
)]
pub(crate) async fn template_version_external_auth(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
) -> ApiResult<Json<Vec<TemplateVersionExternalAuth>>> {
    let found = template_versions::external_auth_providers(&state.deps, auth.subject(), id).await?;
    let base = state.config.http.access_url.as_ref();
    let base = base.map(|url| url.as_str().trim_end_matches('/').to_owned());
    let base = base.unwrap_or_default();
    let account = |one: coder_core::template_version::ExternalAuthProvider| {
        let id: String = url::form_urlencoded::byte_serialize(one.id.as_bytes()).collect();
        TemplateVersionExternalAuth {
            kind: "",
            display_name: one.id.clone(),
            display_icon: "",
            authenticate_url: format!("{base}/external-auth/{id}"),
            authenticated: false,
            optional: one.optional,
            id: one.id,
        }
    };
    Ok(Json(found.into_iter().map(account).collect()))
}

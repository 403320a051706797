//! `POST /organizations/{organization}/templateversions`.

use super::types::TemplateVersion;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    Error,
    provisioner_job::{ProvisionerType, Tags},
    secret::Secret,
    service::template_versions::{self, NewVersion},
    template_version::VariableValue,
};
use http::StatusCode;
use uuid::Uuid;

/// A version to make from an uploaded archive.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct CreateTemplateVersionRequest {
    /// Made up when empty.
    #[serde(default)]
    name: String,
    #[serde(default)]
    message: String,
    /// The template that gets it, if there is one yet.
    #[serde(default)]
    template_id: Option<Uuid>,
    /// `file`.
    #[serde(default)]
    storage_method: String,
    #[serde(default)]
    file_id: Option<Uuid>,
    /// `terraform` or `echo`.
    #[serde(default)]
    provisioner: String,
    #[serde(default)]
    tags: Option<Tags>,
    #[serde(default)]
    user_variable_values: Option<Vec<UserVariableValue>>,
}

/// A value for a Terraform variable.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = VariableValue)]
struct UserVariableValue {
    name: String,
    #[schema(value_type = String)]
    value: Secret,
}

impl TryFrom<CreateTemplateVersionRequest> for NewVersion {
    type Error = Error;

    fn try_from(request: CreateTemplateVersionRequest) -> Result<Self, Error> {
        if request.storage_method != "file" {
            return Err(Error::invalid_field("storage_method", "must be file"));
        }
        let provisioner: ProvisionerType = request
            .provisioner
            .parse()
            .map_err(|_| Error::invalid_field("provisioner", "must be terraform or echo"))?;
        let given = |id: Option<Uuid>| id.filter(|id| !id.is_nil());
        let file_id = given(request.file_id);
        let file_id = file_id.ok_or_else(|| Error::invalid_field("file_id", "is required"))?;
        let values = request.user_variable_values.unwrap_or_default().into_iter();
        Ok(Self {
            name: request.name,
            message: request.message,
            template_id: given(request.template_id).map(Into::into),
            file_id: file_id.into(),
            provisioner,
            tags: request.tags.unwrap_or_default(),
            user_variable_values: values
                .map(|given| VariableValue {
                    name: given.name,
                    value: given.value,
                })
                .collect(),
        })
    }
}

/// Create a version and queue its import
#[utoipa::path(
    post, path = "/organizations/{organization}/templateversions", tag = "Templates",
    request_body = CreateTemplateVersionRequest,
    params(("organization" = String, Path, description = "Id, name or `default`")),
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("template:create or template:update"))),
    responses((status = CREATED, body = TemplateVersion)),
)]
pub(crate) async fn create_template_version(
    auth: Auth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
    Json(request): Json<CreateTemplateVersionRequest>,
) -> ApiResult<(StatusCode, Json<TemplateVersion>)> {
    let new = request.try_into()?;
    let subject = auth.subject();
    let made = template_versions::create(&state.deps, subject, &organization, new).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

//! What an import found: parameters and variables.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    id::TemplateVersionId,
    parameter::{ParameterOption, ParameterType, RichParameter, ValidationMonotonic},
    service::template_versions,
    template_version::TemplateVersionVariable as Variable,
};

/// A parameter of a version.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct TemplateVersionParameter {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    display_name: String,
    description: String,
    description_plaintext: String,
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: ParameterType,
    form_type: String,
    mutable: bool,
    default_value: String,
    icon: String,
    options: Vec<TemplateVersionParameterOption>,
    #[serde(skip_serializing_if = "String::is_empty")]
    validation_error: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    validation_regex: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_min: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_max: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    validation_monotonic: Option<ValidationMonotonic>,
    required: bool,
    ephemeral: bool,
}

/// One choice of a parameter.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct TemplateVersionParameterOption {
    name: String,
    description: String,
    value: String,
    icon: String,
}

impl From<ParameterOption> for TemplateVersionParameterOption {
    fn from(option: ParameterOption) -> Self {
        Self {
            name: option.name,
            description: option.description,
            value: option.value,
            icon: option.icon,
        }
    }
}

impl From<RichParameter> for TemplateVersionParameter {
    fn from(parameter: RichParameter) -> Self {
        Self {
            form_type: parameter.form_type_or_default().to_owned(),
            name: parameter.name,
            display_name: parameter.display_name,
            description_plaintext: parameter.description.clone(),
            description: parameter.description,
            kind: parameter.kind,
            mutable: parameter.mutable,
            default_value: parameter.default_value,
            icon: parameter.icon,
            options: parameter.options.into_iter().map(Into::into).collect(),
            validation_error: parameter.validation_error,
            validation_regex: parameter.validation_regex,
            validation_min: parameter.validation_min,
            validation_max: parameter.validation_max,
            validation_monotonic: parameter.validation_monotonic,
            required: parameter.required,
            ephemeral: parameter.ephemeral,
        }
    }
}

/// A Terraform variable of a version; sensitive values are empty.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct TemplateVersionVariable {
    name: String,
    description: String,
    #[serde(rename = "type")]
    kind: String,
    value: String,
    default_value: String,
    required: bool,
    sensitive: bool,
}

impl From<Variable> for TemplateVersionVariable {
    fn from(variable: Variable) -> Self {
        Self {
            name: variable.name,
            description: variable.description,
            kind: variable.kind,
            value: variable.value.expose().to_owned(),
            default_value: variable.default_value,
            required: variable.required,
            sensitive: variable.sensitive,
        }
    }
}

/// Parameters of a version
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/rich-parameters", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Vec<TemplateVersionParameter>)),
)]
pub(crate) async fn template_version_rich_parameters(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
) -> ApiResult<Json<Vec<TemplateVersionParameter>>> {
    let found = template_versions::parameters(&state.deps, auth.subject(), id).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

/// Terraform variables of a version
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/variables", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Vec<TemplateVersionVariable>)),
)]
pub(crate) async fn template_version_variables(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
) -> ApiResult<Json<Vec<TemplateVersionVariable>>> {
    let found = template_versions::variables(&state.deps, auth.subject(), id).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

/// Legacy parameters: always empty, for older clients
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/schema", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Vec<String>)),
)]
pub(crate) async fn template_version_schema(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
) -> ApiResult<Json<Vec<String>>> {
    nothing(&auth, &state, id).await
}

/// Legacy parameter values: always empty, for older clients
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/parameters", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Vec<String>)),
)]
pub(crate) async fn template_version_parameters(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
) -> ApiResult<Json<Vec<String>>> {
    nothing(&auth, &state, id).await
}

/// An empty list, for who may see the version.
async fn nothing(
    auth: &Auth,
    state: &AppState,
    id: TemplateVersionId,
) -> ApiResult<Json<Vec<String>>> {
    template_versions::get(&state.deps, auth.subject(), id).await?;
    Ok(Json(Vec::new()))
}

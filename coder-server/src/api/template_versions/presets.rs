//! `GET /templateversions/{templateversion}/presets`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    id::TemplateVersionId, service::template_versions, template_version::TemplateVersionPreset,
};
use uuid::Uuid;

/// A named set of parameter values. The field names begin with capitals, as clients expect.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Preset {
    #[serde(rename = "ID")]
    id: Uuid,
    name: String,
    parameters: Vec<PresetParameter>,
    /// Chosen when the user chooses none; at most one of a version.
    default: bool,
    /// How many workspaces the template wants to be kept ready.
    desired_prebuild_instances: Option<i32>,
    description: String,
    icon: String,
}

/// A value that a preset sets.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
struct PresetParameter {
    name: String,
    value: String,
}

impl From<TemplateVersionPreset> for Preset {
    fn from(preset: TemplateVersionPreset) -> Self {
        let parameters = preset.parameters.into_iter();
        Self {
            id: preset.id.into(),
            name: preset.name,
            parameters: parameters
                .map(|parameter| PresetParameter {
                    name: parameter.name,
                    value: parameter.value,
                })
                .collect(),
            default: preset.default,
            desired_prebuild_instances: preset.prebuild_instances,
            description: preset.description,
            icon: preset.icon,
        }
    }
}

/// Presets of a version
#[utoipa::path(
    get, path = "/templateversions/{templateversion}/presets", tag = "Templates",
    params(("templateversion" = uuid::Uuid, Path, description = "Id of the version")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:read"))),
    responses((status = OK, body = Vec<Preset>)),
)]
pub(crate) async fn template_version_presets(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateVersionId>,
) -> ApiResult<Json<Vec<Preset>>> {
    let found = template_versions::presets(&state.deps, auth.subject(), id).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

//! `DELETE /templates/{template}`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult, Response,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{id::TemplateId, service::templates};

/// Delete a template
///
/// Refused while workspaces of it exist. The name becomes free again.
#[utoipa::path(
    delete, path = "/templates/{template}", tag = "Templates",
    params(("template" = uuid::Uuid, Path, description = "Id of the template")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("template:delete"))),
    responses((status = OK, body = Response)),
)]
pub(crate) async fn delete_template(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<TemplateId>,
) -> ApiResult<Json<Response>> {
    templates::delete(&state.deps, auth.subject(), id).await?;
    Ok(Json(Response::message("The template has been deleted.")))
}

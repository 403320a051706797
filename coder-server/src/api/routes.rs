//! Routes of all resources.

use super::{auth, files, general, organizations, templates, tokens, users};
use crate::app_state::AppState;
use utoipa_axum::router::OpenApiRouter;

/// Routes below `/api/v2`, one line per resource.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(general::routes())
        .merge(auth::routes())
        .merge(users::routes())
        .merge(tokens::routes())
        .merge(organizations::routes())
        .merge(files::routes())
        .merge(templates::routes())
}

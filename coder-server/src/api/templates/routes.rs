//! Routes of templates.

use super::{create, delete, get, list, update};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list_templates))
        .routes(routes!(list::list_template_examples))
        .routes(routes!(
            list::list_organization_templates,
            create::create_template
        ))
        .routes(routes!(get::get_template_by_name))
        .routes(routes!(
            get::get_template,
            update::update_template,
            delete::delete_template
        ))
}

//! Routes of all resources.

use super::{
    auth, connection_logs, external_auth, files, general, organizations, provisioner_daemons,
    provisioner_jobs, provisioner_keys, template_versions, templates, tokens, users,
    workspace_agents, workspace_builds, workspaces,
};
use crate::app_state::AppState;
use utoipa_axum::router::OpenApiRouter;

/// Routes below `/api/v2`, one line per resource.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(general::routes())
        .merge(auth::routes())
        .merge(external_auth::routes())
        .merge(users::routes())
        .merge(tokens::routes())
        .merge(organizations::routes())
        .merge(connection_logs::routes())
        .merge(files::routes())
        .merge(templates::routes())
        .merge(template_versions::routes())
        .merge(workspaces::routes())
        .merge(workspace_builds::routes())
        .merge(workspace_agents::routes())
        .merge(provisioner_jobs::routes())
        .merge(provisioner_daemons::routes())
        .merge(provisioner_keys::routes())
}

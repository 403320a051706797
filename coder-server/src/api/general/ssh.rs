//! `GET /deployment/ssh`.

use crate::{
    app_state::AppState,
    http::extract::{Auth, Json},
};
use axum::extract::State;
use std::collections::BTreeMap;

/// What clients write into an OpenSSH configuration.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = SSHConfigResponse)]
pub(crate) struct SshConfigResponse {
    hostname_prefix: String,
    hostname_suffix: String,
    ssh_config_options: BTreeMap<String, String>,
}

/// Names and options of SSH hosts
#[utoipa::path(
    get, path = "/deployment/ssh", tag = "General",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = OK, body = SshConfigResponse)),
)]
pub(crate) async fn ssh_config(_: Auth, State(state): State<AppState>) -> Json<SshConfigResponse> {
    let client = &state.config.client;
    let options = client.ssh_config_options.iter();
    let options = options.filter_map(|option| option.split_once(['=', ' ']));
    Json(SshConfigResponse {
        hostname_prefix: client.ssh_hostname_prefix.clone(),
        hostname_suffix: client.workspace_hostname_suffix.clone(),
        ssh_config_options: options
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect(),
    })
}

//! `GET /organizations/{organization}/provisionerdaemons/serve`.

use super::{joining::Joining, membership};
use crate::{
    api::upgrade,
    app_state::AppState,
    http::{
        ApiResult,
        extract::{DaemonAuth, Path},
    },
    rpc::provisioner_daemon::{DaemonApi, DaemonSettings},
    server::agent_scripts,
};
use axum::{
    extract::{RawQuery, Request, State},
    response::Response,
};
use coder_core::service::daemons::DaemonIdentity;
use coder_provisioner::remote::{serve, server_frames};
use std::sync::Arc;
use tokio::sync::watch;

const ROUTE: &str = "/api/v2/organizations/{organization}/provisionerdaemons/serve";

/// The connection of a provisioner daemon in another process
///
/// A WebSocket over which the daemon asks for jobs and reports on them; `docs/PROTOCOLS.md` describes it.
/// The daemon proves that it may join with a provisioner key (`Coder-Provisioner-Daemon-Key`; organization
/// and tags are then the key's, and the path may say `default`), with the deployment's pre-shared key
/// (`Coder-Provisioner-Daemon-PSK`, default organization only), or with a user's session. 400, 401 and 403
/// are final.
#[utoipa::path(
    get, path = "/organizations/{organization}/provisionerdaemons/serve", tag = "Enterprise",
    security(("CoderProvisionerKey" = []), ("CoderProvisionerPSK" = []), ("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("provisioner or provisioner_daemon:create"))),
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("name" = String, Query, description = "Unique per organization: 1 to 64 letters, digits, `.`, `_`, `-`"),
        ("provisioner" = Vec<String>, Query, description = "What it can run: `terraform`, `echo`"),
        ("tag" = Option<Vec<String>>, Query, description = "`key=value`, none with a key"),
        ("version" = Option<String>, Query, description = "Version of the protocol, `1.0` when absent"),
    ),
    responses((status = SWITCHING_PROTOCOLS)),
)]
pub(crate) async fn serve_provisioner_daemon(
    auth: DaemonAuth,
    State(state): State<AppState>,
    Path(organization): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> ApiResult<Response> {
    let joining = Joining::parse(query.as_deref().unwrap_or_default(), request.headers());
    let member = membership::admit(&state, auth, &organization, &joining.tags).await?;
    let joining = joining.checked()?;
    let identity = DaemonIdentity {
        organization_id: member.organization,
        key_id: member.key_id,
        name: joining.name,
        version: joining.software,
        api_version: joining.version,
        provisioners: joining.provisioners,
        tags: member.tags.clone(),
    };
    let handshake = upgrade::begin(request)?;
    let settings = DaemonSettings {
        access_url: state.config.http.access_url_text(),
        agent_scripts: agent_scripts(),
    };
    let api = DaemonApi::join(state.deps.clone(), settings, &state.bells, &identity).await?;
    let open = state.metrics.websocket(ROUTE);
    let (response, connection) = handshake.switch();
    let tasks = state.tasks.clone();
    tasks.spawn(async move {
        if let Some(io) = connection.await {
            let daemon = api.daemon().id;
            tracing::info!(%daemon, name = identity.name, "provisioner daemon connected");
            let (sender, standing) = watch::channel(member.standing(&state));
            let (frames, held) = (server_frames(io).await, member.held());
            let why = tokio::select! {
                why = serve(frames, Arc::new(api), standing, &held) => why,
                never = member.watch(&state, &sender) => match never {},
            };
            tracing::info!(%daemon, name = identity.name, why, "provisioner daemon disconnected");
        }
        drop(open);
    });
    Ok(response)
}

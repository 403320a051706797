//! `GET /workspaceagents/{workspaceagent}/listening-ports`.

use super::access::{Access, agent_failed};
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_agent::{
    http_api::{self, ListeningPort},
    tunnel::port,
};
use coder_core::{
    id::WorkspaceAgentId, listening_port::is_offered, log_line, rbac::Action,
    service::agents::Agents, workspace_app::WorkspaceApp,
};
use std::collections::BTreeMap;

/// What may be done with a port.
const ACTIONS: &[Action] = &[Action::ApplicationConnect, Action::Ssh];
/// The longest name of a program that is passed on, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Ports of a workspace that may be opened in a browser.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct WorkspaceAgentListeningPortsResponse {
    /// By number.
    ports: Vec<WorkspaceAgentListeningPort>,
}

/// A port on which something listens.
#[derive(Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct WorkspaceAgentListeningPort {
    /// Name of the program; empty when the agent may not know it.
    process_name: String,
    /// Always `tcp`.
    network: &'static str,
    port: u16,
}

/// TCP ports listening inside the workspace
///
/// Without well-known ports of what is not HTTP, such as 22 or 5432, and without those of the template's apps.
///
/// 502, 503 or 504 when the agent cannot be reached.
#[utoipa::path(
    get, path = "/workspaceagents/{workspaceagent}/listening-ports", tag = "Agents",
    security(("CoderSessionToken" = [])),
    extensions(("x-permission" = json!("workspace:ssh or workspace:application_connect"))),
    params(("workspaceagent" = Uuid, Path, description = "Id of the agent")),
    responses((status = OK, body = WorkspaceAgentListeningPortsResponse)),
)]
pub(crate) async fn workspace_agent_listening_ports(
    auth: Auth,
    State(state): State<AppState>,
    Path(agent): Path<WorkspaceAgentId>,
) -> ApiResult<Json<WorkspaceAgentListeningPortsResponse>> {
    let access = Access::ask(&state, &auth, agent, ACTIONS).await?;
    let agents = Agents::new(state.deps.clone());
    let apps = agents
        .reachable_apps(auth.subject(), agent, ACTIONS)
        .await?;
    let stream = access.open(port::HTTP_API).await?;
    let found = http_api::listening_ports(stream)
        .await
        .map_err(agent_failed)?;
    let ports = offered(found.ports, &apps);
    Ok(Json(WorkspaceAgentListeningPortsResponse { ports }))
}

/// What is shown of the agent's answer: each port once, under a name that is harmless wherever it is printed.
fn offered(found: Vec<ListeningPort>, apps: &[WorkspaceApp]) -> Vec<WorkspaceAgentListeningPort> {
    let by_port: BTreeMap<u16, String> = found
        .into_iter()
        .map(|found| (found.port, found.process_name))
        .collect();
    by_port
        .into_iter()
        .filter(|(port, _)| is_offered(*port, apps))
        .map(|(port, name)| WorkspaceAgentListeningPort {
            process_name: clean(&name),
            network: "tcp",
            port,
        })
        .collect()
}

fn clean(name: &str) -> String {
    let clean: String = log_line::clean(name)
        .chars()
        .filter(|character| !character.is_control())
        .collect();
    log_line::cut(&clean, MAX_NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_is_cleaned() {
        let port = |port, name: &str| ListeningPort {
            process_name: name.to_owned(),
            network: "\u{1b}[2Jtcp".to_owned(),
            port,
        };
        let found = vec![
            port(8081, "b"),
            port(8080, "\u{1b}]52;c;x\u{7}\u{1b}[31mnode\u{202e}\n"),
            port(22, "sshd"),
            port(8081, "b"),
            port(3, "agent"),
            port(9000, &"x".repeat(1_000_000)),
        ];
        let shown = offered(found, &[]);
        let numbers: Vec<_> = shown.iter().map(|one| one.port).collect();
        assert_eq!(numbers, [8080, 8081, 9000]);
        assert_eq!(shown[0].process_name, "[31mnode");
        assert_eq!(shown[0].network, "tcp");
        assert!(shown[2].process_name.len() <= MAX_NAME_BYTES);
    }
}

//! What became of a workspace whose connection ended.

use super::Reached;
use crate::cli::{client::Client, types::Workspace, workspace};
use coder_core::{
    workspace_agent::AgentStatus,
    workspace_build::{WorkspaceStatus, WorkspaceTransition},
};
use reqwest::StatusCode;
use std::time::Duration;
use tokio::time::timeout;

/// How long the server may take to say what became of a workspace.
const ANSWER: Duration = Duration::from_secs(10);

/// Why a connection ended, as far as the server tells now; `None` when all seems well there.
pub(crate) async fn fate(client: &Client, reached: &Reached) -> Option<String> {
    let path = format!(
        "api/v2/workspaces/{}?include_deleted=true",
        reached.workspace.id
    );
    let asked = timeout(ANSWER, client.ask(&path)).await;
    match asked {
        Err(_) => Some(format!("the server {} does not answer", client.url)),
        Ok(Err(error)) => Some(error.to_string()),
        Ok(Ok((StatusCode::UNAUTHORIZED, _))) => {
            Some("your session has ended, sign in with: coder login".to_owned())
        }
        Ok(Ok((StatusCode::NOT_FOUND, _))) => {
            Some("the workspace is gone, or you may not see it any more".to_owned())
        }
        Ok(Ok((status, Some(now)))) if status.is_success() => workspace_fate(reached, &now),
        Ok(Ok((status, _))) => Some(format!("the server {} answered {status}", client.url)),
    }
}

/// Looks again and again, and returns when the workspace has gone.
pub(crate) async fn gone(client: &Client, reached: &Reached, interval: Duration) -> String {
    loop {
        tokio::time::sleep(interval).await;
        // While the server cannot be asked, what is connected may well go on.
        if let Ok(now) = workspace::refresh(client, &reached.workspace).await
            && let Some(fate) = build_fate(reached, &now)
        {
            return fate;
        }
    }
}

fn workspace_fate(reached: &Reached, now: &Workspace) -> Option<String> {
    build_fate(reached, now).or_else(|| {
        let agent = now.agents().find(|agent| agent.id == reached.agent.id);
        let connected = agent.is_some_and(|agent| agent.status == AgentStatus::Connected);
        (!connected).then(|| format!("the agent {} is not connected", reached.agent.name))
    })
}

/// What a newer build does to the workspace that was reached.
fn build_fate(reached: &Reached, now: &Workspace) -> Option<String> {
    let (before, build) = (&reached.workspace.latest_build, &now.latest_build);
    if build.id == before.id {
        return None;
    }
    let name = now.full_name();
    let what = match (build.transition, build.status) {
        (WorkspaceTransition::Stop, WorkspaceStatus::Stopped) => "was stopped",
        (WorkspaceTransition::Stop, _) => "is being stopped",
        (WorkspaceTransition::Delete, WorkspaceStatus::Deleted) => "was deleted",
        (WorkspaceTransition::Delete, _) => "is being deleted",
        (WorkspaceTransition::Start, _) => "was restarted",
    };
    Some(format!("the workspace {name} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn workspace(build: &str, transition: &str, status: &str, agent: &str) -> Workspace {
        let agent = json!({
            "id": "a", "name": "main", "status": agent, "lifecycle_state": "ready",
            "operating_system": "linux", "architecture": "amd64",
        });
        serde_json::from_value(json!({
            "id": "w", "name": "dev", "owner_name": "ann", "template_name": "t",
            "template_active_version_id": "v", "outdated": false, "health": { "healthy": true },
            "last_used_at": "2026-01-01T00:00:00Z",
            "latest_build": {
                "id": build, "build_number": 1, "status": status, "transition": transition,
                "job": { "status": "succeeded" }, "template_version_id": "v",
                "resources": [{ "type": "x", "name": "y", "agents": [agent] }],
            },
        }))
        .expect("a workspace")
    }

    #[test]
    fn a_newer_build_or_a_lost_agent_explains_the_end() {
        let before = workspace("1", "start", "running", "connected");
        let agent = before.agents().next().expect("an agent").clone();
        let reached = Reached {
            workspace: before,
            agent,
        };
        for (build, transition, status, agent, expected) in [
            ("1", "start", "running", "connected", None),
            (
                "1",
                "start",
                "running",
                "disconnected",
                Some("the agent main is not connected"),
            ),
            (
                "2",
                "stop",
                "stopping",
                "connected",
                Some("is being stopped"),
            ),
            ("2", "stop", "stopped", "connected", Some("was stopped")),
            (
                "2",
                "stop",
                "pending",
                "connected",
                Some("is being stopped"),
            ),
            ("2", "delete", "deleted", "connected", Some("was deleted")),
            ("3", "start", "running", "connected", Some("was restarted")),
        ] {
            let now = workspace(build, transition, status, agent);
            let said = workspace_fate(&reached, &now);
            match expected {
                None => assert_eq!(said, None),
                Some(text) => assert!(said.expect(text).contains(text), "{text}"),
            }
        }
    }
}

//! Waits for a workspace and its agent, starting what is stopped.

use super::{failed_scripts::failed_scripts, startup_logs::StartupLogs};
use crate::cli::{
    builds,
    client::Client,
    error::{CliError, CliResult},
    output::{error_line, printable},
    progress::Followed,
    types::{Agent, Workspace},
    workspace::{self, WorkspaceName},
};
use coder_core::{workspace_agent::AgentStatus, workspace_build::WorkspaceStatus};
use std::time::Duration;

/// Between two looks at an agent that is not ready: the first pause and the longest.
const POLL: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));

/// Whether to wait for start scripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Wait {
    /// Until they have ended.
    Yes,
    /// Not at all.
    No,
    /// As the template has it.
    #[default]
    Auto,
}

/// What a command needs of a workspace before it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// Whether a stopped workspace is started.
    pub(crate) autostart: bool,
    /// Whether start scripts must have ended.
    pub(crate) wait: Wait,
}

/// A workspace that runs and its agent, which is connected.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) workspace: Workspace,
    pub(crate) agent: Agent,
}

/// The agent of this name, once it is as wished.
pub(crate) async fn reach(client: &Client, name: &WorkspaceName, wish: Wish) -> CliResult<Reached> {
    let workspace = running(client, name, wish).await?;
    ready(client, workspace, name, wish).await
}

/// The workspace once it runs: waits for a build that is under way, starts one that is stopped.
async fn running(client: &Client, name: &WorkspaceName, wish: Wish) -> CliResult<Workspace> {
    let found = workspace::find(client, name).await?;
    let full_name = found.full_name();
    match found.latest_build.status {
        WorkspaceStatus::Running => return Ok(found),
        WorkspaceStatus::Pending | WorkspaceStatus::Starting => {
            Followed::build(&found.latest_build.id).wait(client).await?;
        }
        WorkspaceStatus::Stopped if wish.autostart => {
            error_line(&format!(
                "The workspace {} is stopped, starting it.",
                printable(&full_name)
            ));
            builds::start_as_is(client, &found).await?;
        }
        status => {
            return Err(
                CliError::new(format!("the workspace {full_name} is {status}"))
                    .hint(format!("Start it with: coder start {full_name}")),
            );
        }
    }
    workspace::refresh(client, &found).await
}

/// The agent once it is connected and, if so wished, its start scripts have ended.
async fn ready(
    client: &Client,
    mut workspace: Workspace,
    name: &WorkspaceName,
    wish: Wish,
) -> CliResult<Reached> {
    let (mut pause, mut said) = (POLL.0, false);
    let mut logs = StartupLogs::default();
    loop {
        let agent = workspace::agent(&workspace, name.agent.as_deref())?.clone();
        match agent.status {
            AgentStatus::Connected if !must_wait(&agent, wish.wait) => {
                logs.end(client, &agent).await;
                for warning in failed_scripts(&agent) {
                    error_line(&warning);
                }
                return Ok(Reached { workspace, agent });
            }
            AgentStatus::Connected => logs.print(client, &agent).await?,
            AgentStatus::Timeout => {
                return Err(CliError::new("the agent has not connected in time")
                    .hint(troubleshooting(&agent, &workspace)));
            }
            AgentStatus::Connecting | AgentStatus::Disconnected if !said => {
                said = true;
                error_line(&format!(
                    "Waiting for the agent {} to connect…",
                    printable(&agent.name)
                ));
            }
            AgentStatus::Connecting | AgentStatus::Disconnected => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 5 / 4).min(POLL.1);
        workspace = workspace::refresh(client, &workspace).await?;
        if workspace.latest_build.status != WorkspaceStatus::Running {
            return Err(CliError::new(format!(
                "the workspace {} is {} now",
                workspace.full_name(),
                workspace.latest_build.status
            )));
        }
    }
}

/// Whether start scripts must end first, and have not.
fn must_wait(agent: &Agent, wait: Wait) -> bool {
    let mut scripts = agent.scripts.iter();
    let wanted = match wait {
        Wait::Yes => true,
        Wait::No => false,
        Wait::Auto => scripts.any(|script| script.run_on_start && script.start_blocks_login),
    };
    wanted && !agent.lifecycle_state.is_started()
}

fn troubleshooting(agent: &Agent, workspace: &Workspace) -> String {
    if agent.troubleshooting_url.is_empty() {
        format!("See what it did with: coder logs {}", workspace.full_name())
    } else {
        format!("Read {}", printable(&agent.troubleshooting_url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coder_core::workspace_agent::LifecycleState;

    #[test]
    fn the_template_decides_what_auto_waits_for() {
        let agent = |state: LifecycleState, blocks: bool| -> Agent {
            let script = serde_json::json!({
                "id": "s", "display_name": "", "log_source_id": "l",
                "run_on_start": true, "start_blocks_login": blocks,
            });
            let agent = serde_json::json!({
                "id": "a", "name": "main", "status": "connected", "lifecycle_state": state,
                "operating_system": "linux", "architecture": "amd64", "scripts": [script],
            });
            serde_json::from_value(agent).expect("an agent")
        };
        let starting = LifecycleState::Starting;
        assert!(must_wait(&agent(starting, true), Wait::Auto));
        assert!(!must_wait(&agent(starting, false), Wait::Auto));
        assert!(must_wait(&agent(starting, false), Wait::Yes));
        assert!(!must_wait(&agent(starting, true), Wait::No));
        assert!(!must_wait(
            &agent(LifecycleState::StartError, true),
            Wait::Yes
        ));
    }
}

use super::{Agents, announce};
use crate::{
    Error, Result, Timestamp,
    id::{AgentRunId, WorkspaceAppId},
    log_line,
    script::{MAX_LAST_LINES_BYTES, ScriptTiming},
    service::unit::settle,
    store::AgentOwner,
    workspace_agent::LifecycleState,
    workspace_app::AppHealth,
};

/// Most entries of one report.
const MAX_ENTRIES: usize = 1_000;
/// Longest text of a report, in bytes.
const MAX_TEXT_BYTES: usize = 4_096;

/// What an agent says of itself after it got its manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentStartup {
    /// Its software's version.
    pub version: String,
    /// The version of the protocol it speaks.
    pub api_version: String,
    /// Where sessions begin.
    pub expanded_directory: String,
    /// What it is built into.
    pub subsystems: Vec<String>,
    /// The start of its scripts that it will speak of.
    pub run_id: Option<AgentRunId>,
}

impl Agents {
    /// Notes what an agent says of itself. Subsystems that are not known are left out.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn report_startup(&self, owner: &AgentOwner, startup: &AgentStartup) -> Result<()> {
        let text = |text: &str| log_line::cut(&log_line::clean(text), MAX_TEXT_BYTES);
        let known = ["envbox", "envbuilder", "exectrace"];
        let subsystems = known
            .iter()
            .filter(|known| startup.subsystems.iter().any(|one| one == *known));
        let subsystems = subsystems.map(|&name| name.to_owned()).collect();
        let mut tx = self.deps.begin().await?;
        let noted = async {
            let Some(mut agent) = tx.workspace_agents().get(owner.agent.id).await? else {
                return Ok(());
            };
            agent.version = text(&startup.version);
            agent.api_version = text(&startup.api_version);
            agent.expanded_directory = text(&startup.expanded_directory);
            agent.subsystems = subsystems;
            if let Some(run) = startup.run_id {
                agent.speaks_of(run);
            }
            tx.workspace_agents().set_startup(&agent).await?;
            tx.workspace_agents().set_lifecycle(&agent).await?;
            announce(tx.as_mut(), &owner.workspace).await
        };
        let noted = noted.await;
        settle(tx, noted).await
    }

    /// Notes a state that an agent reached at `changed_at`. One that does not move forward is ignored.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn report_lifecycle(
        &self,
        owner: &AgentOwner,
        state: LifecycleState,
        changed_at: Timestamp,
    ) -> Result<()> {
        // An agent's clock may be wrong; nothing happens in the future.
        let changed_at = changed_at.min(self.deps.now());
        let mut tx = self.deps.begin().await?;
        let noted = async {
            let agent = tx.workspace_agents().get(owner.agent.id).await?;
            let follows = |state: LifecycleState, before| state.may_follow(before);
            let Some(mut agent) = agent.filter(|agent| follows(state, agent.lifecycle_state))
            else {
                return Ok(());
            };
            agent.lifecycle_state = state;
            if state == LifecycleState::Starting {
                agent.started_at = Some(changed_at);
            } else if state.is_started() && !state.is_shutting_down() {
                agent.started_at = agent.started_at.or(Some(changed_at));
                // An error that follows a timeout ends nothing new.
                agent.ready_at = agent.ready_at.or(Some(changed_at));
            }
            tx.workspace_agents().set_lifecycle(&agent).await?;
            announce(tx.as_mut(), &owner.workspace).await
        };
        let noted = noted.await;
        settle(tx, noted).await
    }

    /// Notes that apps became healthy or unhealthy.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an app of another agent; then nothing changes.
    pub async fn report_app_health(
        &self,
        owner: &AgentOwner,
        healths: &[(WorkspaceAppId, AppHealth)],
    ) -> Result<()> {
        if healths.len() > MAX_ENTRIES {
            return Err(Error::invalid_field("healths", "has too many entries"));
        }
        let mut tx = self.deps.begin().await?;
        let noted = async {
            for &(app, health) in healths {
                if !tx
                    .workspace_apps()
                    .set_health(owner.agent.id, app, health)
                    .await?
                {
                    return Err(Error::not_found());
                }
            }
            announce(tx.as_mut(), &owner.workspace).await
        };
        let noted = noted.await;
        settle(tx, noted).await
    }

    /// Notes that a script ended. Telling the same run again changes nothing.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a script of another agent.
    pub async fn script_completed(&self, owner: &AgentOwner, timing: ScriptTiming) -> Result<()> {
        let timing = ScriptTiming {
            last_lines: last_lines(&timing.last_lines),
            ..timing
        };
        let mut tx = self.deps.begin().await?;
        let noted = async {
            if !tx
                .workspace_agents()
                .insert_script_timing(owner.agent.id, &timing)
                .await?
            {
                return Err(Error::not_found());
            }
            announce(tx.as_mut(), &owner.workspace).await
        };
        let noted = noted.await;
        settle(tx, noted).await
    }
}

/// Lines fit to be shown, as many of the last as are kept.
fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(log_line::clean).collect();
    let mut text = lines.join("\n");
    let over = text.len().saturating_sub(MAX_LAST_LINES_BYTES);
    text.drain(..text.ceil_char_boundary(over));
    text
}

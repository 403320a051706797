use super::{Agents, announce};
use crate::{
    Error, ErrorKind, Result, Timestamp,
    event::Event,
    id::{LogSourceId, WorkspaceAgentId},
    log_line,
    provisioner_job::LogLevel,
    rbac::{Action, AsObject as _, Subject},
    service::unit::{forget_old, settle},
    store::{AgentOwner, Transaction},
    workspace_agent::{AgentLog, AgentLogSource},
};
use chrono::TimeDelta;

/// The source of lines that name an unknown one.
pub const EXTERNAL_LOG_SOURCE: LogSourceId = LogSourceId(uuid::Uuid::from_u128(
    0x3b57_9bf4_1b46_4f8e_9c38_6d7f_5e1a_2c90,
));

/// Agents whose old lines are removed in one transaction.
const AGENTS_AT_ONCE: u32 = 20;
/// Most lines of one batch.
const MAX_LINES: usize = 10_000;
/// Most sources of one agent.
const MAX_SOURCES: usize = 256;
/// Longest name of a source, in bytes.
const MAX_SOURCE_NAME_BYTES: usize = 128;

/// A line that an agent sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAgentLog {
    /// When it was written.
    pub created_at: Timestamp,
    /// The text.
    pub output: String,
    /// How much it matters.
    pub level: LogLevel,
}

impl Agents {
    /// Appends lines of one source, cleaned. Lines of an unknown source are kept under "External".
    ///
    /// # Errors
    /// [`TooLarge`](ErrorKind::TooLarge) once the agent's log is full; [`InvalidInput`](ErrorKind::InvalidInput)
    /// without a line, or with too many.
    pub async fn append_logs(
        &self,
        owner: &AgentOwner,
        source: LogSourceId,
        lines: &[NewAgentLog],
    ) -> Result<()> {
        if lines.is_empty() || lines.len() > MAX_LINES {
            return Err(Error::invalid_field("logs", "must have 1 to 10000 lines"));
        }
        if owner.agent.logs_overflowed {
            return Err(full());
        }
        let mut tx = self.deps.begin().await?;
        let stored = self.append_in(tx.as_mut(), owner, source, lines).await;
        // What did fit is kept, so the refusal comes after the commit.
        if settle(tx, stored).await? {
            Ok(())
        } else {
            Err(full())
        }
    }

    async fn append_in(
        &self,
        tx: &mut dyn Transaction,
        owner: &AgentOwner,
        source: LogSourceId,
        lines: &[NewAgentLog],
    ) -> Result<bool> {
        let id = owner.agent.id;
        let known = tx.workspace_agents().has_log_source(id, source).await?;
        let source_id = if known { source } else { EXTERNAL_LOG_SOURCE };
        if !known {
            let external = AgentLogSource {
                agent_id: id,
                id: EXTERNAL_LOG_SOURCE,
                created_at: self.deps.now(),
                display_name: "External".to_owned(),
                icon: String::new(),
            };
            tx.workspace_agents()
                .insert_log_sources(&[external])
                .await?;
        }
        let lines: Vec<_> = lines
            .iter()
            .map(|line| AgentLog {
                id: 0,
                created_at: line.created_at,
                output: log_line::clean(&line.output),
                level: line.level,
                source_id,
            })
            .collect();
        let stored = tx.workspace_agents().append_logs(id, &lines).await?;
        tx.publish(Event::AgentLogs { agent_id: id }).await?;
        let all = usize::try_from(stored).is_ok_and(|stored| stored == lines.len());
        if owner.agent.logs_length == 0 || !all {
            announce(tx, &owner.workspace).await?;
        }
        Ok(all)
    }

    /// Names a source of lines. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for too many sources.
    pub async fn post_log_source(
        &self,
        owner: &AgentOwner,
        id: LogSourceId,
        display_name: &str,
        icon: &str,
    ) -> Result<AgentLogSource> {
        let agent_id = owner.agent.id;
        let text = |text: &str, max| log_line::cut(&log_line::clean(text), max);
        let source = AgentLogSource {
            agent_id,
            id,
            created_at: self.deps.now(),
            display_name: text(display_name, MAX_SOURCE_NAME_BYTES),
            icon: text(icon, 2 * MAX_SOURCE_NAME_BYTES),
        };
        let mut tx = self.deps.begin().await?;
        let named = async {
            let known = tx.workspace_agents().log_sources(&[agent_id]).await?;
            if let Some(known) = known.iter().find(|known| known.id == id) {
                return Ok(known.clone());
            }
            if known.len() >= MAX_SOURCES {
                return Err(Error::invalid("the agent has too many log sources"));
            }
            tx.workspace_agents()
                .insert_log_sources(std::slice::from_ref(&source))
                .await?;
            Ok(source)
        };
        let named = named.await;
        settle(tx, named).await
    }

    /// Lines of the log of an agent, also of one of an earlier build, with `after < id < before`, at most `limit` (0 for all), and whether more
    /// may come.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound).
    pub async fn logs(
        &self,
        subject: &Subject,
        id: WorkspaceAgentId,
        after: i64,
        before: Option<i64>,
        limit: u32,
    ) -> Result<(Vec<AgentLog>, bool)> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let owner = tx.workspace_agents().with_owner_of_any_build(id).await?;
            let owner = owner.ok_or_else(Error::not_found)?;
            let workspace = owner.workspace.as_object();
            self.deps.require(subject, Action::Read, &workspace)?;
            let latest = tx.workspace_builds().latest(owner.workspace.id).await?;
            let current = latest.is_some_and(|latest| latest.id == owner.build.id);
            let lines = tx.workspace_agents().logs(id, after, before, limit).await?;
            Ok((lines, current && !owner.agent.logs_overflowed))
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// Removes log lines of agents that are not of their workspace's newest build and were made more than `retention`
    /// ago. Answers of how many agents.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable).
    pub async fn forget_old_logs(&self, retention: TimeDelta) -> Result<u64> {
        // A few at a time: the lines of one may be a MiB.
        forget_old(
            &self.deps,
            retention,
            AGENTS_AT_ONCE,
            |tx, before, limit| {
                tx.workspace_agents()
                    .delete_logs_of_earlier_builds(before, limit)
            },
        )
        .await
    }
}

fn full() -> Error {
    Error::new(ErrorKind::TooLarge, "The agent's log is full.")
}

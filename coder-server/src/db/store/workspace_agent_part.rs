//! Logs, metadata and scripts of agents.

use std::collections::BTreeMap;

use coder_core::{
    Timestamp,
    id::{LogSourceId, ScriptId, WorkspaceAgentId},
    script::{MAX_CRON_RUNS, ScriptStage, ScriptTiming, WorkspaceAgentScript},
    store::StoreResult,
    workspace_agent::{AgentLog, AgentLogSource, AgentMetadatum, MAX_LOG_BYTES, MetadataUpdate},
};
use sea_orm::ActiveValue::{NotSet, Set};

use crate::db::{
    convert::{FromRow, uuids, word},
    entity::{
        workspace_agent_log, workspace_agent_log_source, workspace_agent_metadatum,
        workspace_agent_script,
    },
    log_budget::LogBudget,
    query::Query,
    transaction::PgTransaction,
};

const LOGS: &str = "workspace_agent_logs";
const TIMINGS: &str = "workspace_agent_script_timings";

pub(super) async fn insert_log_sources(
    transaction: &PgTransaction,
    sources: &[AgentLogSource],
) -> StoreResult<()> {
    let rows = sources
        .iter()
        .map(|source| workspace_agent_log_source::Model {
            agent_id: source.agent_id.0,
            id: source.id.0,
            created_at: source.created_at,
            display_name: source.display_name.clone(),
            icon: source.icon.clone(),
        });
    transaction.insert_new_rows(rows.collect()).await
}

pub(super) async fn log_sources(
    transaction: &PgTransaction,
    agents: &[WorkspaceAgentId],
) -> StoreResult<Vec<AgentLogSource>> {
    let mut query = Query::new("SELECT * FROM workspace_agent_log_sources WHERE agent_id = ANY(");
    query
        .bind(uuids(agents))
        .push(") ORDER BY created_at, id, agent_id");
    transaction.query_all(&query).await
}

pub(super) async fn has_log_source(
    transaction: &PgTransaction,
    agent: WorkspaceAgentId,
    source: LogSourceId,
) -> StoreResult<bool> {
    let mut query =
        Query::new("SELECT EXISTS (SELECT FROM workspace_agent_log_sources WHERE agent_id = ");
    query
        .bind(agent.0)
        .push(" AND id = ")
        .bind(source.0)
        .push(")");
    Ok(transaction.query_value(&query).await?.unwrap_or(false))
}

/// Appends lines while the agent's budget lasts, in the same way as those of jobs.
pub(super) async fn append_logs(
    transaction: &PgTransaction,
    id: WorkspaceAgentId,
    lines: &[AgentLog],
) -> StoreResult<u64> {
    let mut query =
        Query::new("SELECT logs_length, logs_overflowed FROM workspace_agents WHERE id = ");
    query.bind(id.0).push(" FOR UPDATE");
    let Some(row) = transaction.query_rows(&query).await?.into_iter().next() else {
        return Ok(0);
    };
    let (length, overflowed) = (transaction.column(&row, 0)?, transaction.column(&row, 1)?);
    let mut budget = LogBudget {
        length,
        overflowed,
        limit: MAX_LOG_BYTES,
    };
    let kept = lines.iter().filter(|line| budget.take(&line.output));
    let rows = kept.map(|line| workspace_agent_log::ActiveModel {
        id: NotSet,
        agent_id: Set(id.0),
        created_at: Set(line.created_at),
        output: Set(line.output.clone()),
        level: Set(line.level.to_string()),
        source_id: Set(line.source_id.0),
    });
    let rows: Vec<_> = rows.collect();
    let stored = rows.len();
    transaction.insert_rows(rows).await?;
    let mut query = Query::new("UPDATE workspace_agents SET logs_length = ");
    query
        .bind(budget.length)
        .push(", logs_overflowed = ")
        .bind(budget.overflowed);
    query.push(" WHERE id = ").bind(id.0);
    transaction.execute(&query).await?;
    Ok(stored as u64)
}

pub(super) async fn logs(
    transaction: &PgTransaction,
    id: WorkspaceAgentId,
    after: i64,
    before: Option<i64>,
    limit: u32,
) -> StoreResult<Vec<AgentLog>> {
    let mut query = Query::new("SELECT * FROM workspace_agent_logs WHERE agent_id = ");
    query.bind(id.0).push(" AND id > ").bind(after);
    if let Some(before) = before {
        query.push(" AND id < ").bind(before);
    }
    query.push(" ORDER BY id");
    if limit > 0 {
        query.push(" LIMIT ").bind(i64::from(limit));
    }
    transaction.query_all(&query).await
}

/// Lines that are being added meanwhile are left for the next time.
pub(super) async fn delete_logs_of_earlier_builds(
    transaction: &PgTransaction,
    before: Timestamp,
    limit: u32,
) -> StoreResult<u64> {
    let mut query = Query::new(
        "SELECT a.id FROM workspace_agents a \
         JOIN workspace_resources r ON r.id = a.resource_id \
         JOIN workspace_builds b ON b.job_id = r.job_id \
         WHERE a.logs_length > 0 AND b.build_number < (SELECT max(build_number) \
         FROM workspace_builds WHERE workspace_id = b.workspace_id) \
         AND COALESCE(a.last_connected_at, a.created_at) < ",
    );
    query.bind(before).push(" LIMIT ").bind(i64::from(limit));
    query.push(" FOR UPDATE OF a SKIP LOCKED");
    let mut agents: Vec<uuid::Uuid> = Vec::new();
    for row in transaction.query_rows(&query).await? {
        agents.push(transaction.column(&row, 0)?);
    }
    let mut query = Query::new("DELETE FROM workspace_agent_logs WHERE agent_id = ANY(");
    query.bind(agents.clone()).push(")");
    transaction.execute(&query).await?;
    let mut query = Query::new("UPDATE workspace_agents SET logs_length = 0 WHERE id = ANY(");
    query.bind(agents).push(")");
    transaction.execute(&query).await
}

pub(super) async fn insert_metadata(
    transaction: &PgTransaction,
    metadata: &[AgentMetadatum],
) -> StoreResult<()> {
    let rows = metadata
        .iter()
        .map(|metadatum| workspace_agent_metadatum::Model {
            agent_id: metadatum.agent_id.0,
            key: metadatum.key.clone(),
            display_name: metadatum.display_name.clone(),
            script: metadatum.script.clone(),
            interval: metadatum.interval,
            timeout: metadatum.timeout,
            display_order: metadatum.display_order,
            value: metadatum.value.clone(),
            error: metadatum.error.clone(),
            collected_at: metadatum.collected_at,
        });
    transaction.insert_rows(rows.collect()).await
}

pub(super) async fn metadata(
    transaction: &PgTransaction,
    agents: &[WorkspaceAgentId],
) -> StoreResult<Vec<AgentMetadatum>> {
    let mut query = Query::new("SELECT * FROM workspace_agent_metadata WHERE agent_id = ANY(");
    query
        .bind(uuids(agents))
        .push(") ORDER BY display_order, key COLLATE \"C\", agent_id");
    transaction.query_all(&query).await
}

pub(super) async fn update_metadata(
    transaction: &PgTransaction,
    updates: &[(WorkspaceAgentId, MetadataUpdate)],
) -> StoreResult<()> {
    // One value per key, the last: an UPDATE would pick any of several. In the order of the keys,
    // so that two updates cannot wait for each other.
    let updates: BTreeMap<_, _> = updates
        .iter()
        .map(|(agent, update)| ((*agent, update.key.as_str()), update))
        .collect();
    if updates.is_empty() {
        return Ok(());
    }
    let agents: Vec<_> = updates.keys().map(|(agent, _)| agent.0).collect();
    let keys: Vec<_> = updates.keys().map(|(_, key)| (*key).to_owned()).collect();
    let values: Vec<_> = updates
        .values()
        .map(|update| update.value.clone())
        .collect();
    let errors: Vec<_> = updates
        .values()
        .map(|update| update.error.clone())
        .collect();
    let times: Vec<_> = updates.values().map(|update| update.collected_at).collect();
    let mut query = Query::new(
        "UPDATE workspace_agent_metadata m SET value = u.value, error = u.error, \
         collected_at = u.collected_at FROM unnest(",
    );
    query.bind(agents).push("::uuid[], ").bind(keys);
    query.push("::text[], ").bind(values);
    query.push("::text[], ").bind(errors);
    query.push("::text[], ").bind(times).push(
        "::timestamptz[]) AS u (agent_id, key, value, error, collected_at) \
         WHERE m.agent_id = u.agent_id AND m.key = u.key",
    );
    transaction.execute(&query).await.map(|_| ())
}

pub(super) async fn insert_scripts(
    transaction: &PgTransaction,
    scripts: &[WorkspaceAgentScript],
) -> StoreResult<()> {
    let rows = scripts.iter().map(|script| workspace_agent_script::Model {
        id: script.id.0,
        agent_id: script.agent_id.0,
        log_source_id: script.log_source_id.0,
        log_path: script.log_path.clone(),
        script: script.script.clone(),
        cron: script.cron.clone(),
        run_on_start: script.run_on_start,
        run_on_stop: script.run_on_stop,
        start_blocks_login: script.start_blocks_login,
        timeout_seconds: script.timeout_seconds,
        display_name: script.display_name.clone(),
    });
    transaction.insert_rows(rows.collect()).await
}

pub(super) async fn scripts(
    transaction: &PgTransaction,
    agents: &[WorkspaceAgentId],
) -> StoreResult<Vec<WorkspaceAgentScript>> {
    let mut query = Query::new("SELECT * FROM workspace_agent_scripts WHERE agent_id = ANY(");
    query
        .bind(uuids(agents))
        .push(") ORDER BY display_name COLLATE \"C\", id");
    transaction.query_all(&query).await
}

pub(super) async fn insert_script_timing(
    transaction: &PgTransaction,
    agent: WorkspaceAgentId,
    timing: &ScriptTiming,
) -> StoreResult<bool> {
    let mut query = Query::new(
        "INSERT INTO workspace_agent_script_timings \
         (script_id, started_at, ended_at, exit_code, stage, status, last_lines) SELECT id, ",
    );
    query
        .bind(timing.started_at)
        .push("::timestamptz, ")
        .bind(timing.ended_at);
    query.push("::timestamptz, ").bind(timing.exit_code);
    query.push("::integer, ").bind(timing.stage.as_str());
    query.push("::text, ").bind(timing.status.as_str());
    query.push("::text, ").bind(timing.last_lines.as_str());
    query
        .push("::text FROM workspace_agent_scripts WHERE id = ")
        .bind(timing.script_id.0);
    query.push(" AND agent_id = ").bind(agent.0);
    // Setting a column to itself counts the row, so that one that is known is not taken for a stranger's.
    query.push(
        " ON CONFLICT (script_id, started_at) \
         DO UPDATE SET script_id = workspace_agent_script_timings.script_id",
    );
    let known = transaction.execute(&query).await? > 0;
    if known && timing.stage == ScriptStage::Cron {
        forget_cron_runs(transaction, timing.script_id).await?;
    }
    Ok(known)
}

/// Leaves the newest runs by schedule.
async fn forget_cron_runs(transaction: &PgTransaction, script: ScriptId) -> StoreResult<()> {
    let mut query = Query::new(
        "DELETE FROM workspace_agent_script_timings WHERE id IN (\
         SELECT id FROM workspace_agent_script_timings WHERE stage = 'cron' AND script_id = ",
    );
    query
        .bind(script.0)
        .push(" ORDER BY started_at DESC, id DESC OFFSET ");
    query.bind(i64::try_from(MAX_CRON_RUNS).unwrap_or(i64::MAX));
    transaction.execute(query.push(")")).await.map(|_| ())
}

pub(super) async fn script_timings(
    transaction: &PgTransaction,
    agents: &[WorkspaceAgentId],
) -> StoreResult<Vec<(WorkspaceAgentId, ScriptTiming)>> {
    let mut query = Query::new(
        "SELECT s.agent_id, t.script_id, t.started_at, t.ended_at, t.exit_code, t.stage, t.status, \
         t.last_lines \
         FROM workspace_agent_script_timings t \
         JOIN workspace_agent_scripts s ON s.id = t.script_id WHERE s.agent_id = ANY(",
    );
    query
        .bind(uuids(agents))
        .push(") ORDER BY t.started_at, t.id");
    let rows = transaction.query_rows(&query).await?;
    let timings = rows.iter().map(|row| {
        let stage: String = transaction.column(row, 5)?;
        let status: String = transaction.column(row, 6)?;
        let timing = ScriptTiming {
            script_id: transaction.column::<uuid::Uuid>(row, 1)?.into(),
            started_at: transaction.column(row, 2)?,
            ended_at: transaction.column(row, 3)?,
            exit_code: transaction.column(row, 4)?,
            stage: word(TIMINGS, &stage)?,
            status: word(TIMINGS, &status)?,
            last_lines: transaction.column(row, 7)?,
        };
        Ok((transaction.column::<uuid::Uuid>(row, 0)?.into(), timing))
    });
    timings.collect()
}

impl FromRow for AgentLogSource {
    type Row = workspace_agent_log_source::Model;

    fn from_row(row: workspace_agent_log_source::Model) -> StoreResult<Self> {
        Ok(Self {
            agent_id: row.agent_id.into(),
            id: row.id.into(),
            created_at: row.created_at,
            display_name: row.display_name,
            icon: row.icon,
        })
    }
}

impl FromRow for AgentLog {
    type Row = workspace_agent_log::Model;

    fn from_row(row: workspace_agent_log::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id,
            created_at: row.created_at,
            output: row.output,
            level: word(LOGS, &row.level)?,
            source_id: row.source_id.into(),
        })
    }
}

impl FromRow for AgentMetadatum {
    type Row = workspace_agent_metadatum::Model;

    fn from_row(row: workspace_agent_metadatum::Model) -> StoreResult<Self> {
        Ok(Self {
            agent_id: row.agent_id.into(),
            key: row.key,
            display_name: row.display_name,
            script: row.script,
            interval: row.interval,
            timeout: row.timeout,
            display_order: row.display_order,
            value: row.value,
            error: row.error,
            collected_at: row.collected_at,
        })
    }
}

impl FromRow for WorkspaceAgentScript {
    type Row = workspace_agent_script::Model;

    fn from_row(row: workspace_agent_script::Model) -> StoreResult<Self> {
        Ok(Self {
            id: row.id.into(),
            agent_id: row.agent_id.into(),
            log_source_id: row.log_source_id.into(),
            log_path: row.log_path,
            script: row.script,
            cron: row.cron,
            run_on_start: row.run_on_start,
            run_on_stop: row.run_on_stop,
            start_blocks_login: row.start_blocks_login,
            timeout_seconds: row.timeout_seconds,
            display_name: row.display_name,
        })
    }
}

//! Log sources, logs, metadata and scripts of agents.

use super::{
    World,
    backend::{Backend, Failure, Outcome, assert_conflict, assert_texts, present},
    fixture::{self, agent_log, at, id},
};
use crate::{
    id::{LogSourceId, WorkspaceAgentId},
    resource_monitor::{MonitorState, ResourceMonitor},
    script::{MAX_CRON_RUNS, ScriptStage, ScriptStatus, ScriptTiming, WorkspaceAgentScript},
    workspace_agent::{AgentLog, AgentLogSource, AgentMetadatum, MAX_LOG_BYTES, MetadataUpdate},
    workspace_build::WorkspaceTransition,
};

/// The source with which `agents` begins.
const SOURCE: LogSourceId = LogSourceId(uuid::Uuid::from_u128(1));

/// Stores agents number 10 and 20; the first has the log source number 1.
async fn agents(backend: &Backend) -> Result<(WorkspaceAgentId, WorkspaceAgentId), Failure> {
    let world = World::create(backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let build = world
        .add_build(&mut *tx, 11, &dev, 1, WorkspaceTransition::Start)
        .await?;
    let (_, one) = world.add_agent(&mut *tx, 10, &build).await?;
    let (_, two) = world.add_agent(&mut *tx, 20, &build).await?;
    let source = fixture::log_source(1, one.id, "Startup");
    tx.workspace_agents().insert_log_sources(&[source]).await?;
    tx.commit().await?;
    Ok((one.id, two.id))
}

/// Sources are per agent, keep what they were, and come by creation, then id.
pub async fn sources(backend: Backend) -> Outcome {
    let (one, two) = agents(&backend).await?;
    let mut tx = backend.begin().await?;
    let again = fixture::log_source(1, one, "Another name");
    let later = AgentLogSource {
        created_at: at(500),
        ..fixture::log_source(2, one, "Later")
    };
    let equal = fixture::log_source(3, one, "Equal");
    let other = fixture::log_source(1, two, "Other");
    let rows = tx.workspace_agents();
    rows.insert_log_sources(&[later.clone(), again, equal.clone(), other])
        .await?;
    let found = rows.log_sources(&[one]).await?;
    assert_eq!(
        found,
        [fixture::log_source(1, one, "Startup"), equal, later]
    );
    assert_eq!(rows.log_sources(&[two, id(99), one]).await?.len(), 4);
    assert!(rows.log_sources(&[]).await?.is_empty());
    assert!(rows.has_log_source(one, id(2)).await?);
    assert!(!rows.has_log_source(two, id(2)).await?);
    assert!(!rows.has_log_source(one, id(99)).await?);
    tx.rollback().await?;
    Ok(())
}

/// Lines come back whole, in the order of storing, and in parts.
pub async fn append_and_read(backend: Backend) -> Outcome {
    let (one, two) = agents(&backend).await?;
    let mut tx = backend.begin().await?;
    let rows = tx.workspace_agents();
    let lines = ["a", "ä", "", "d"].map(|output| agent_log(SOURCE, output));
    assert_eq!(rows.append_logs(one, &lines).await?, 4);
    assert_eq!(rows.append_logs(id(9), &lines).await?, 0);
    let all = rows.logs(one, 0, None, 0).await?;
    assert!(all.is_sorted_by(|a, b| a.id < b.id));
    let ids_aside = all.iter().map(|line| AgentLog {
        id: 0,
        ..line.clone()
    });
    assert!(ids_aside.eq(lines));
    let line = |index: usize| present(all.get(index).map(|line| line.id));
    let cases: [(i64, Option<i64>, u32, &[&str]); 4] = [
        (line(1)?, None, 0, &["", "d"]),
        (0, Some(line(1)?), 0, &["a"]),
        (line(0)?, Some(line(3)?), 1, &["ä"]),
        (line(3)?, None, 5, &[]),
    ];
    for (after, before, limit, expected) in cases {
        let found = rows.logs(one, after, before, limit).await?;
        assert_texts(&found, |line| &line.output, expected);
    }
    assert!(rows.logs(two, 0, None, 0).await?.is_empty());
    let found = present(rows.get(one).await?)?;
    assert_eq!((found.logs_length, found.logs_overflowed), (4, false));
    tx.rollback().await?;
    Ok(())
}

/// Text beyond the bound is dropped from the first line on that does not fit, now and later.
pub async fn overflow(backend: Backend) -> Outcome {
    let (one, two) = agents(&backend).await?;
    let mut tx = backend.begin().await?;
    let max = usize::try_from(MAX_LOG_BYTES)?;
    let text = |length: usize| agent_log(SOURCE, &"x".repeat(length));
    let rows = tx.workspace_agents();
    let lines = [text(max - 2), text(2), text(0), text(1), text(0)];
    assert_eq!(rows.append_logs(one, &lines).await?, 3);
    let found = present(rows.get(one).await?)?;
    assert_eq!(
        (found.logs_length, found.logs_overflowed),
        (MAX_LOG_BYTES, true)
    );
    assert_eq!(rows.append_logs(one, &[text(0)]).await?, 0);
    assert_eq!(rows.logs(one, 0, None, 0).await?.len(), 3);
    let found = present(rows.get(two).await?)?;
    assert_eq!((found.logs_length, found.logs_overflowed), (0, false));
    tx.rollback().await?;
    Ok(())
}

/// Metadata is defined once, comes by display order, then key, and takes values of known keys.
pub async fn metadata(backend: Backend) -> Outcome {
    let (one, two) = agents(&backend).await?;
    let mut tx = backend.begin().await?;
    let given = [
        fixture::metadatum(one, "b", 1),
        fixture::metadatum(one, "a", 1),
        fixture::metadatum(one, "z", 0),
    ];
    let rows = tx.workspace_agents();
    rows.insert_metadata(&given).await?;
    rows.insert_metadata(&[fixture::metadatum(two, "a2", 1)])
        .await?;
    rows.insert_metadata(&[]).await?;
    let found = rows.metadata(&[one]).await?;
    assert_texts(&found, |row| &row.key, &["z", "a", "b"]);
    assert_eq!(found.last(), given.first());
    let found = rows.metadata(&[two, one, id(9)]).await?;
    assert_texts(&found, |row| &row.key, &["z", "a", "a2", "b"]);
    assert!(rows.metadata(&[]).await?.is_empty());

    let update = |key: &str, value: &str, error: &str| MetadataUpdate {
        key: key.to_owned(),
        value: value.to_owned(),
        error: error.to_owned(),
        collected_at: at(700),
    };
    let updates = [
        update("b", "3 %", ""),
        update("a2", "x", ""),
        update("z", "", "no such file"),
    ];
    let updates = updates.map(|update| (one, update));
    rows.update_metadata(&updates).await?;
    let of_nobody = (id(9), update("b", "?", ""));
    rows.update_metadata(&[of_nobody]).await?;
    rows.update_metadata(&[]).await?;
    let [b, a, z] = given;
    let b = AgentMetadatum {
        value: "3 %".to_owned(),
        collected_at: Some(at(700)),
        ..b
    };
    let z = AgentMetadatum {
        error: "no such file".to_owned(),
        collected_at: Some(at(700)),
        ..z
    };
    assert_eq!(rows.metadata(&[one]).await?, [z, a, b]);
    let found = rows.metadata(&[two]).await?;
    assert_eq!(found, [fixture::metadatum(two, "a2", 1)]);
    let updates = [
        (two, update("a2", "old", "")),
        (one, update("a", "mine", "")),
        (two, update("a2", "new", "")),
    ];
    rows.update_metadata(&updates).await?;
    let found = rows.metadata(&[one, two]).await?;
    assert_texts(&found, |row| &row.value, &["", "mine", "new", "3 %"]);
    let again = fixture::metadatum(two, "a2", 5);
    let result = rows.insert_metadata(&[again]).await;
    assert_conflict(result, "workspace_agent_metadata_pkey");
    tx.rollback().await?;
    Ok(())
}

/// Scripts come whole, by display name, then id.
pub async fn scripts(backend: Backend) -> Outcome {
    let (one, two) = agents(&backend).await?;
    let mut tx = backend.begin().await?;
    let source = |number: u128, agent, name: &str| fixture::log_source(number, agent, name);
    let (startup, other) = (source(1, one, "Startup"), source(2, two, "Backup"));
    let rows = tx.workspace_agents();
    rows.insert_log_sources(std::slice::from_ref(&other))
        .await?;
    let full = WorkspaceAgentScript {
        log_path: String::new(),
        cron: "0 30 9 * * 1-5".to_owned(),
        run_on_start: false,
        run_on_stop: true,
        start_blocks_login: false,
        timeout_seconds: 0,
        display_name: "Clean".to_owned(),
        ..fixture::script(3, &startup)
    };
    let given = [
        fixture::script(2, &startup),
        full.clone(),
        fixture::script(1, &startup),
    ];
    rows.insert_scripts(&given).await?;
    rows.insert_scripts(&[fixture::script(4, &other)]).await?;
    rows.insert_scripts(&[]).await?;
    let [second, _, first] = given;
    assert_eq!(rows.scripts(&[one]).await?, [full, first, second]);
    let found = rows.scripts(&[one, id(99), two]).await?;
    let names = ["Backup", "Clean", "Startup", "Startup"];
    assert_texts(&found, |row| &row.display_name, &names);
    assert!(rows.scripts(&[]).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// Runs are noted once, for an agent's own scripts only, and come by begin.
pub async fn script_timings(backend: Backend) -> Outcome {
    let (one, two) = agents(&backend).await?;
    let mut tx = backend.begin().await?;
    let rows = tx.workspace_agents();
    let (first, second) = (
        fixture::log_source(1, one, "a"),
        fixture::log_source(1, two, "b"),
    );
    rows.insert_log_sources(std::slice::from_ref(&second))
        .await?;
    rows.insert_scripts(&[fixture::script(1, &first), fixture::script(2, &second)])
        .await?;
    let timing = |script: u128, begin: i64| ScriptTiming {
        script_id: id(script),
        started_at: at(begin),
        ended_at: at(begin + 1),
        exit_code: 255,
        stage: ScriptStage::Start,
        status: ScriptStatus::PipesLeftOpen,
        last_lines: "one\ntwo".to_owned(),
    };
    assert!(rows.insert_script_timing(one, &timing(1, 30)).await?);
    assert!(rows.insert_script_timing(two, &timing(2, 20)).await?);
    assert!(rows.insert_script_timing(one, &timing(1, 10)).await?);
    let again = ScriptTiming {
        exit_code: 7,
        ..timing(1, 10)
    };
    assert!(rows.insert_script_timing(one, &again).await?);
    assert!(!rows.insert_script_timing(one, &timing(2, 40)).await?);
    assert!(!rows.insert_script_timing(one, &timing(9, 40)).await?);
    let found = rows.script_timings(&[one]).await?;
    assert_eq!(found, [(one, timing(1, 10)), (one, timing(1, 30))]);
    let found = rows.script_timings(&[two, one, id(9)]).await?;
    let begins: Vec<_> = found.iter().map(|(_, timing)| timing.started_at).collect();
    assert_eq!(begins, [at(10), at(20), at(30)]);
    assert!(rows.script_timings(&[]).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// Of runs by schedule the newest are kept, of others all.
pub async fn cron_timings(backend: Backend) -> Outcome {
    let (one, two) = agents(&backend).await?;
    let mut tx = backend.begin().await?;
    let rows = tx.workspace_agents();
    let (first, second) = (
        fixture::log_source(1, one, "a"),
        fixture::log_source(1, two, "b"),
    );
    let scripts = [fixture::script(1, &first), fixture::script(2, &second)];
    rows.insert_scripts(&scripts).await?;
    let timing = |script: u128, begin: i64, stage| ScriptTiming {
        script_id: id(script),
        started_at: at(begin),
        ended_at: at(begin + 1),
        exit_code: 0,
        stage,
        status: ScriptStatus::Ok,
        last_lines: String::new(),
    };
    let (start, cron) = (ScriptStage::Start, ScriptStage::Cron);
    rows.insert_script_timing(one, &timing(1, 1, start)).await?;
    rows.insert_script_timing(two, &timing(2, 2, cron)).await?;
    let many = i64::try_from(MAX_CRON_RUNS).unwrap_or(i64::MAX) + 3;
    for begin in 10..10 + many {
        let stored = rows
            .insert_script_timing(one, &timing(1, begin, cron))
            .await?;
        assert!(stored);
    }
    let found = rows.script_timings(&[one]).await?;
    let begins: Vec<_> = found.iter().map(|(_, timing)| timing.started_at).collect();
    let expected: Vec<_> = std::iter::once(1).chain(13..10 + many).map(at).collect();
    assert_eq!(begins, expected);
    assert_eq!(rows.script_timings(&[two]).await?.len(), 1);
    tx.rollback().await?;
    Ok(())
}

/// Logs of earlier builds go when they are old, those of the newest never.
pub async fn old_logs(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let workspace = world.add_workspace(&mut *tx, 1, "dev").await?;
    let start = WorkspaceTransition::Start;
    let mut made = Vec::new();
    let small = |number: u128| i32::try_from(number).unwrap_or_default();
    for number in 1..4 {
        let build = world
            .add_build(&mut *tx, 10 + number, &workspace, small(number), start)
            .await?;
        let (_, agent) = world.add_agent(&mut *tx, 20 * number, &build).await?;
        let source = fixture::log_source(1, agent.id, "Startup");
        let line = agent_log(source.id, "text");
        tx.workspace_agents().append_logs(agent.id, &[line]).await?;
        made.push(agent);
    }
    let rows = tx.workspace_agents();
    let when = at(1_000);
    let seen: Vec<_> = made.iter().map(|agent| agent.id).collect();
    rows.set_connected(&seen, when).await?;
    assert_eq!(rows.delete_logs_of_earlier_builds(when, 10).await?, 0);
    let later = when + chrono::TimeDelta::seconds(1);
    assert_eq!(rows.delete_logs_of_earlier_builds(later, 1).await?, 1);
    assert_eq!(rows.delete_logs_of_earlier_builds(later, 10).await?, 1);
    assert_eq!(rows.delete_logs_of_earlier_builds(later, 10).await?, 0);
    for (agent, expected) in made.iter().zip([0, 0, 1]) {
        let left = rows.logs(agent.id, 0, None, 0).await?;
        assert_eq!(left.len(), expected);
        let row = present(rows.get(agent.id).await?)?;
        assert_eq!(row.logs_length > 0, expected > 0);
    }
    tx.rollback().await?;
    Ok(())
}

/// Monitors come with the memory's first, and their state can be replaced.
pub async fn resource_monitors(backend: Backend) -> Outcome {
    let (one, two) = agents(&backend).await?;
    let mut tx = backend.begin().await?;
    let rows = tx.workspace_agents();
    let monitor = |agent_id, volume: Option<&str>| ResourceMonitor {
        agent_id,
        volume: volume.map(str::to_owned),
        enabled: true,
        threshold: 80,
        state: MonitorState::Ok,
        debounced_until: None,
        created_at: at(10),
        updated_at: at(11),
    };
    let (memory, home) = (monitor(one, None), monitor(one, Some("/home")));
    let data = ResourceMonitor {
        enabled: false,
        ..monitor(one, Some("/data"))
    };
    let given = [home.clone(), data.clone(), memory.clone()];
    rows.insert_resource_monitors(&given).await?;
    rows.insert_resource_monitors(&[monitor(two, None)]).await?;
    rows.insert_resource_monitors(&[]).await?;
    let found = rows.resource_monitors(one).await?;
    assert_eq!(found, [memory.clone(), data.clone(), home.clone()]);
    assert!(rows.resource_monitors(id(9)).await?.is_empty());
    let bad = |monitor: &ResourceMonitor| ResourceMonitor {
        state: MonitorState::Nok,
        debounced_until: Some(at(20)),
        updated_at: at(21),
        ..monitor.clone()
    };
    let given = ResourceMonitor {
        threshold: 1,
        ..bad(&memory)
    };
    rows.set_resource_monitor(&given).await?;
    rows.set_resource_monitor(&bad(&home)).await?;
    rows.set_resource_monitor(&bad(&monitor(id(9), None)))
        .await?;
    let found = rows.resource_monitors(one).await?;
    assert_eq!(found, [bad(&memory), data, bad(&home)]);
    assert_eq!(rows.resource_monitors(two).await?, [monitor(two, None)]);
    let result = rows.insert_resource_monitors(&[memory]).await;
    assert_conflict(
        result,
        "workspace_agent_resource_monitors_agent_id_volume_key",
    );
    tx.rollback().await?;
    Ok(())
}

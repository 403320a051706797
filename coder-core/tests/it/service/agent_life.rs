//! What agents report all the time: starts, use, resources, connections.

use super::{
    agents::{TOKEN, agent, line},
    harness::{Harness, found},
};
use coder_core::{
    ErrorKind,
    agent_stats::{AgentStats, SessionCounts},
    connection_log::{ConnectionLogFilter, ConnectionType},
    id::LogSourceId,
    rbac::Subject,
    resource_monitor::{MonitorState, ResourceUsage},
    service::{
        agents::{AgentStartup, StatsReport, UsageDatapoint},
        connection_logs::{ConnectionEnd, ConnectionLogs, ReportedConnection},
    },
    store::{Page, conformance::fixture},
    workspace_agent::LifecycleState,
    workspace_build::WorkspaceTransition,
};

/// A machine that was started anew runs its scripts again; an agent that was killed and came back does not.
#[tokio::test]
async fn states_begin_anew_with_a_new_start_of_the_scripts() {
    let harness = Harness::new().await;
    harness.running("dev", TOKEN).await;
    let owner = harness.agents.authenticate(TOKEN).await.expect("good");
    let startup = |run: u128| AgentStartup {
        run_id: Some(fixture::id(run)),
        ..AgentStartup::default()
    };
    let begin = async |run| {
        let noted = harness.agents.report_startup(&owner, &startup(run)).await;
        noted.expect("noted");
        agent(&harness, &owner).await
    };
    let reach = async |state| {
        let now = harness.now();
        let noted = harness.agents.report_lifecycle(&owner, state, now).await;
        noted.expect("noted");
        agent(&harness, &owner).await
    };
    // It has spoken before it said of which start.
    reach(LifecycleState::Starting).await;
    assert_eq!(begin(1).await.lifecycle_state, LifecycleState::Starting);
    reach(LifecycleState::Ready).await;
    reach(LifecycleState::Off).await;
    assert_eq!(begin(1).await.lifecycle_state, LifecycleState::Off);
    let anew = begin(2).await;
    assert_eq!(
        (anew.lifecycle_state, anew.started_at, anew.ready_at),
        (LifecycleState::Created, None, None)
    );
    assert_eq!(
        reach(LifecycleState::Starting).await.lifecycle_state,
        LifecycleState::Starting
    );
}

#[tokio::test]
async fn logs_of_earlier_builds_stay_for_who_may_see_them() {
    let harness = Harness::new().await;
    let workspace = harness.running("dev", TOKEN).await;
    let owner = harness.agents.authenticate(TOKEN).await.expect("good");
    let id = owner.agent.id;
    let source = fixture::id::<LogSourceId>(5);
    let lines = [line(&harness, "from the first build")];
    let appended = harness.agents.append_logs(&owner, source, &lines).await;
    appended.expect("appended");
    harness.build(&workspace, WorkspaceTransition::Stop).await;
    harness.finish("state", Vec::new()).await;
    let read = async |subject: &Subject| harness.agents.logs(subject, id, 0, None, 0).await;
    let ann = harness.ann();
    let (lines, more) = read(&ann).await.expect("kept");
    assert_eq!(
        (lines[0].output.as_str(), more),
        ("from the first build", false)
    );
    let (_, bob) = harness.bob().await;
    let refused = read(&bob).await.expect_err("not his");
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    // The newest build's are never forgotten, others after their time.
    let week = chrono::TimeDelta::days(7);
    assert_eq!(
        harness.agents.forget_old_logs(week).await.expect("looked"),
        0
    );
    harness.advance(8 * 86_400);
    assert_eq!(
        harness.agents.forget_old_logs(week).await.expect("looked"),
        1
    );
    assert!(read(&ann).await.expect("there").0.is_empty());
}

#[tokio::test]
async fn use_moves_the_deadline_and_an_open_connection_does_not() {
    let harness = Harness::new().await;
    let workspace = harness.create("dev").await;
    let ttl = harness
        .workspaces
        .set_ttl(&harness.ann(), workspace.id, Some(3_600_000))
        .await;
    ttl.expect("set");
    harness.finish("state", vec![found(TOKEN)]).await;
    let owner = harness.agents.authenticate(TOKEN).await.expect("good");
    let hour = chrono::TimeDelta::hours(1);
    let deadline = async || harness.latest(&workspace).await.deadline;
    let began = harness.now();
    assert_eq!(deadline().await, Some(began + hour));
    let report = async |bytes| {
        let stats = AgentStats {
            created_at: harness.now(),
            agent_id: owner.agent.id,
            workspace_id: owner.workspace.id,
            user_id: owner.workspace.owner_id,
            template_id: owner.workspace.template_id,
            connections_by_proto: [("TCP".to_owned(), 1)].into(),
            connection_count: 1,
            connection_median_latency_ms: None,
            rx_packets: 0,
            rx_bytes: bytes,
            tx_packets: 0,
            tx_bytes: 0,
            sessions: SessionCounts {
                ssh: 1,
                ..SessionCounts::default()
            },
        };
        let report = StatsReport::new(&owner, stats, 30);
        harness.agents.store_stats(&[report]).await.expect("stored");
        let id = workspace.id;
        let row = harness
            .write(async |tx| tx.workspaces().get(id).await.expect("read"))
            .await;
        row.expect("there").last_used_at
    };
    harness.advance(1_800);
    assert!(report(200).await < harness.now(), "an idle connection");
    assert_eq!(deadline().await, Some(began + hour));
    assert_eq!(report(100_000).await, harness.now());
    assert_eq!(deadline().await, Some(harness.now() + hour));
    harness.advance(60);
    assert_eq!(report(100_000).await, harness.now());
    assert_eq!(
        deadline().await,
        Some(harness.now() - chrono::TimeDelta::seconds(60) + hour)
    );
    let stored = async || {
        let since = harness
            .write(async |tx| tx.workspace_agent_stats().since(began).await.expect("read"))
            .await;
        since.len()
    };
    assert_eq!(stored().await, 3);
    harness.advance(86_400);
    let forgotten = harness.agents.forget_old_stats(hour).await;
    assert_eq!((forgotten.expect("removed"), stored().await), (3, 0));
}

#[tokio::test]
async fn too_much_memory_raises_an_alarm_once() {
    let harness = Harness::new().await;
    harness.running("dev", TOKEN).await;
    let owner = harness.agents.authenticate(TOKEN).await.expect("good");
    let report = async |used: i64, count: usize| {
        let memory = Some(ResourceUsage { used, total: 100 });
        let datapoint = UsageDatapoint {
            memory,
            ..UsageDatapoint::default()
        };
        let datapoints = vec![datapoint; count];
        let alarms = harness.agents.report_resource_usage(&owner, &datapoints);
        alarms.await.map(|alarms| alarms.len())
    };
    let state = async || {
        let monitors = harness.agents.resource_monitors(&owner).await;
        monitors.expect("monitors")[0].state
    };
    assert_eq!(
        (report(50, 20).await.expect("noted"), state().await),
        (0, MonitorState::Ok)
    );
    assert_eq!(
        (report(95, 20).await.expect("noted"), state().await),
        (1, MonitorState::Nok)
    );
    assert_eq!(
        (report(95, 20).await.expect("noted"), state().await),
        (0, MonitorState::Nok)
    );
    assert_eq!(
        (report(10, 20).await.expect("noted"), state().await),
        (0, MonitorState::Ok)
    );
    let many = report(10, 21).await.expect_err("too many");
    assert_eq!(many.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn connections_are_logged_for_auditors() {
    let harness = Harness::new().await;
    harness.running("dev", TOKEN).await;
    let owner = harness.agents.authenticate(TOKEN).await.expect("good");
    let logs = ConnectionLogs::new(harness.deps.clone());
    let connection = ReportedConnection {
        id: fixture::id(1),
        at: harness.now() + chrono::TimeDelta::hours(1),
        kind: ConnectionType::Vscode,
        ip: None,
        end: None,
    };
    logs.report(&owner, &connection).await.expect("noted");
    harness.advance(60);
    let ended = ReportedConnection {
        at: harness.now(),
        end: Some(ConnectionEnd {
            exit_code: Some(1),
            reason: "it\u{7} broke".to_owned(),
        }),
        ..connection
    };
    logs.report(&owner, &ended).await.expect("noted");
    let all = ConnectionLogFilter::default();
    let page = Page {
        offset: 0,
        limit: 10,
    };
    let auditor = harness.member(fixture::id(77), &["auditor"]);
    let (found, count) = logs.list(&auditor, &all, page).await.expect("seen");
    assert_eq!((found.len(), count), (1, 1));
    let entry = &found[0].log;
    assert_eq!(
        entry.connect_time,
        harness.now() - chrono::TimeDelta::seconds(60)
    );
    assert_eq!(entry.disconnect_time, Some(harness.now()));
    assert_eq!(
        (entry.disconnect_reason.as_str(), entry.exit_code),
        ("it broke", Some(1))
    );
    assert_eq!(
        found[0].owner.as_ref().map(|user| user.id),
        Some(harness.world.user.id)
    );
    let refused = logs.list(&harness.ann(), &all, page).await;
    assert_eq!(refused.expect_err("a member").kind(), ErrorKind::Forbidden);
    let day = chrono::TimeDelta::days(1);
    assert_eq!(logs.forget_old(day).await.expect("removed"), 0);
    harness.advance(2 * 86_400);
    assert_eq!(logs.forget_old(day).await.expect("removed"), 1);
}

//! What every [`AgentApi`] has to do, whoever implements it.
//!
//! [`agent_api_conformance!`](crate::agent_api_conformance) makes a module of tests of these.
//! Each wants a fresh agent whose manifest has at least one script and one app.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation ends a test"
)]

use coder_core::Timestamp;
use coder_core::id::{
    AgentRunId, ConnectionId, LogSourceId, ScriptId, WorkspaceAgentId, WorkspaceAppId,
};
use uuid::Uuid;

use crate::protocol::{
    AppHealth, AppHealthUpdate, ConnectionAction, ConnectionType, CreateSubAgentRequest,
    ExternalAuthQuery, LifecycleReport, LifecycleState, Log, LogLevel, MAX_AGENT_LOG_BYTES,
    MAX_LOG_LINE_BYTES, MAX_METADATA_OUTPUT_BYTES, MemoryUsage, MetadataResult, PatchLogs,
    PostLogSourceRequest, ReportAppHealth, ReportConnection, ReportMetadata, ResourcesDatapoint,
    ResourcesMonitoringUsage, ScriptCompleted, ScriptStage, ScriptStatus, Startup, Stats,
    SubAgentApp, VolumeUsage,
};
use crate::{AgentApi, ErrorKind, Result};

/// Makes a module `$name` that tests the [`AgentApi`](crate::AgentApi) that `$make` makes:
/// an async function without arguments that gives a value and a `Box<dyn AgentApi>`. The value is
/// kept until the end of the test, for what the implementation lives in.
#[macro_export]
macro_rules! agent_api_conformance {
    ($name:ident, $make:path) => {
        mod $name {
            $crate::agent_api_conformance!(@tests $make;
                manifests_are_stable startups_are_taken states_may_come_again
                logs_are_taken full_logs_refuse_more log_sources_are_idempotent
                metadata_is_taken scripts_of_others_are_refused apps_of_others_are_refused
                stats_tell_the_next_report connections_may_be_told_again
                resources_are_bounded runs_may_be_told_again git_keys_are_stable
                unknown_logins_are_refused agents_inside_come_and_go);
        }
    };
    (@tests $make:path; $($test:ident)+) => { $(
        #[tokio::test]
        async fn $test() {
            use super::*;
            let (_keep, api) = $make().await;
            $crate::testing::conformance::$test(&*api).await;
        }
    )+ };
}

/// Asking twice gives the same.
pub async fn manifests_are_stable(api: &dyn AgentApi) {
    let manifest = api.manifest().await.unwrap();
    assert_ne!(manifest.agent_id.0, Uuid::nil());
    assert!(!manifest.scripts.is_empty(), "the suite needs a script");
    assert!(!manifest.apps.is_empty(), "the suite needs an app");
    assert_eq!(api.manifest().await.unwrap(), manifest);
}

/// A startup may come again after a reconnect.
pub async fn startups_are_taken(api: &dyn AgentApi) {
    let startup = Startup {
        version: "v0.1.0".into(),
        api_version: crate::protocol::API_VERSION.into(),
        expanded_directory: "/home/coder".into(),
        subsystems: vec!["envbox".into()],
        run_id: None,
    };
    api.report_startup(startup.clone()).await.unwrap();
    api.report_startup(startup).await.unwrap();
}

/// A state that does not move forward is no error: its report may have come twice.
pub async fn states_may_come_again(api: &dyn AgentApi) {
    use LifecycleState::{Off, Ready, ShuttingDown, Starting};
    for state in [
        Starting,
        Starting,
        Ready,
        Starting,
        ShuttingDown,
        Off,
        Ready,
    ] {
        let report = LifecycleReport {
            state,
            changed_at: now(),
        };
        api.report_lifecycle(report).await.unwrap();
    }
}

/// Lines of known and of unknown sources are taken, a call without lines is not.
pub async fn logs_are_taken(api: &dyn AgentApi) {
    let manifest = api.manifest().await.unwrap();
    let own = manifest.scripts.first().unwrap().log_source_id;
    for source in [own, LogSourceId(Uuid::from_u128(77))] {
        api.patch_logs(lines(source, &["one", "", "zwei ü \u{1f600}"]))
            .await
            .unwrap();
    }
    expect(
        api.patch_logs(lines(own, &[])).await,
        ErrorKind::InvalidInput,
    );
}

/// After 1 MiB a call is refused and so is every later one, while other calls work.
pub async fn full_logs_refuse_more(api: &dyn AgentApi) {
    let source = api
        .manifest()
        .await
        .unwrap()
        .scripts
        .first()
        .unwrap()
        .log_source_id;
    let line = "x".repeat(MAX_LOG_LINE_BYTES - 1);
    let mut taken = 0;
    let refused = loop {
        match api.patch_logs(lines(source, &[&line])).await {
            Ok(()) => taken += line.len(),
            Err(error) => break error,
        }
        assert!(taken <= MAX_AGENT_LOG_BYTES, "more was taken than is kept");
    };
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    assert!(
        taken + line.len() > MAX_AGENT_LOG_BYTES,
        "less was taken than can be kept"
    );
    expect(
        api.patch_logs(lines(source, &[&line])).await,
        ErrorKind::TooLarge,
    );
    api.manifest().await.unwrap();
}

/// Registering a source again changes nothing.
pub async fn log_sources_are_idempotent(api: &dyn AgentApi) {
    let source = PostLogSourceRequest {
        id: LogSourceId(Uuid::from_u128(78)),
        display_name: "Builder".into(),
        icon: "/icon/docker.svg".into(),
    };
    let first = api.post_log_source(source.clone()).await.unwrap();
    assert_eq!(
        (first.id, first.display_name.as_str()),
        (source.id, "Builder")
    );
    assert_eq!(
        first.workspace_agent_id,
        api.manifest().await.unwrap().agent_id
    );
    assert_eq!(api.post_log_source(source).await.unwrap(), first);
}

/// Unknown keys and long values are no error.
pub async fn metadata_is_taken(api: &dyn AgentApi) {
    let result = |key: &str, value: String| MetadataResult {
        key: key.into(),
        collected_at: now(),
        age: 1,
        value,
        error: String::new(),
    };
    let known = api
        .manifest()
        .await
        .unwrap()
        .metadata
        .first()
        .map(|item| item.key.clone());
    let mut metadata = vec![result("no-such-key", "1".into())];
    metadata.extend(known.map(|key| result(&key, "é".repeat(MAX_METADATA_OUTPUT_BYTES / 2))));
    api.report_metadata(ReportMetadata { metadata })
        .await
        .unwrap();
    api.report_metadata(ReportMetadata::default())
        .await
        .unwrap();
}

/// Results of the agent's own scripts are taken, others are not.
pub async fn scripts_of_others_are_refused(api: &dyn AgentApi) {
    let completed = |script_id| ScriptCompleted {
        script_id,
        start: now(),
        end: now(),
        exit_code: 3,
        stage: ScriptStage::Start,
        status: ScriptStatus::ExitFailure,
        last_lines: "no such file".into(),
    };
    let own = api.manifest().await.unwrap().scripts.first().unwrap().id;
    api.script_completed(completed(own)).await.unwrap();
    let other = ScriptId(Uuid::from_u128(79));
    expect(
        api.script_completed(completed(other)).await,
        ErrorKind::NotFound,
    );
}

/// Health of the agent's own apps is taken, others are not.
pub async fn apps_of_others_are_refused(api: &dyn AgentApi) {
    let own = api.manifest().await.unwrap().apps.first().unwrap().id;
    let update = |id| AppHealthUpdate {
        id,
        health: AppHealth::Healthy,
    };
    let report = |ids: &[WorkspaceAppId]| ReportAppHealth {
        healths: ids.iter().copied().map(update).collect(),
    };
    api.report_app_health(report(&[own])).await.unwrap();
    let other = WorkspaceAppId(Uuid::from_u128(80));
    expect(
        api.report_app_health(report(&[own, other])).await,
        ErrorKind::NotFound,
    );
}

/// The answer says when to report again.
pub async fn stats_tell_the_next_report(api: &dyn AgentApi) {
    let answer = api.report_stats(Stats::default()).await.unwrap();
    assert!(answer.report_interval > 0);
}

/// Asking twice gives the same pair.
pub async fn git_keys_are_stable(api: &dyn AgentApi) {
    let key = api.git_ssh_key().await.unwrap();
    assert!(key.public_key.starts_with("ssh-"), "{}", key.public_key);
    assert!(!key.private_key.expose().is_empty());
    assert_eq!(api.git_ssh_key().await.unwrap(), key);
    assert!(!format!("{key:?}").contains(key.private_key.expose()));
}

/// A host that no provider is responsible for, and a question about nothing.
pub async fn unknown_logins_are_refused(api: &dyn AgentApi) {
    let unknown = ExternalAuthQuery {
        matching: "git.invalid".into(),
        ..ExternalAuthQuery::default()
    };
    expect(api.external_auth(unknown).await, ErrorKind::NotFound);
    let nothing = ExternalAuthQuery::default();
    expect(api.external_auth(nothing).await, ErrorKind::InvalidInput);
}

/// Agents inside have names and tokens of their own, and can be ended.
pub async fn agents_inside_come_and_go(api: &dyn AgentApi) {
    let new = |name: &str| CreateSubAgentRequest {
        id: None,
        name: name.into(),
        directory: "/workspaces/project".into(),
        architecture: "amd64".into(),
        operating_system: "linux".into(),
        display_apps: vec!["vscode".into()],
        apps: vec![SubAgentApp {
            slug: "docs".into(),
            url: "http://localhost:8000".into(),
            ..SubAgentApp::default()
        }],
    };
    let one = api.create_sub_agent(new("one")).await.unwrap();
    assert_eq!(one.agent.name, "one");
    assert!(!one.auth_token.expose().is_empty());
    let two = api.create_sub_agent(new("a-two")).await.unwrap();
    assert_ne!(one.agent.id, two.agent.id);
    expect(api.create_sub_agent(new("one")).await, ErrorKind::Conflict);
    expect(
        api.create_sub_agent(new("no name")).await,
        ErrorKind::InvalidInput,
    );
    let unknown = CreateSubAgentRequest {
        id: Some(WorkspaceAgentId(Uuid::from_u128(81))),
        ..new("three")
    };
    expect(api.create_sub_agent(unknown).await, ErrorKind::NotFound);
    let listed = api.list_sub_agents().await.unwrap().agents;
    assert_eq!(listed, [two.agent.clone(), one.agent.clone()]);
    api.delete_sub_agent(one.agent.id).await.unwrap();
    expect(
        api.delete_sub_agent(one.agent.id).await,
        ErrorKind::NotFound,
    );
    assert_eq!(api.list_sub_agents().await.unwrap().agents, [two.agent]);
}

/// Begin and end of a connection, each twice, and an end that nothing began.
pub async fn connections_may_be_told_again(api: &dyn AgentApi) {
    let report = |number, action| ReportConnection {
        id: ConnectionId(Uuid::from_u128(number)),
        action,
        kind: ConnectionType::Ssh,
        timestamp: now(),
        ip: None,
        exit_code: (action == ConnectionAction::Disconnect).then_some(255),
        reason: "gone".into(),
    };
    let (connect, disconnect) = (ConnectionAction::Connect, ConnectionAction::Disconnect);
    for (number, action) in [
        (1, connect),
        (1, connect),
        (1, disconnect),
        (1, disconnect),
        (2, disconnect),
    ] {
        api.report_connection(report(number, action)).await.unwrap();
    }
}

/// As many measurements are taken as the configuration asks for, and no more.
pub async fn resources_are_bounded(api: &dyn AgentApi) {
    let configuration = api.resources_monitoring_configuration().await.unwrap();
    assert!(configuration.collection_interval_seconds > 0);
    let datapoint = ResourcesDatapoint {
        collected_at: now(),
        memory: Some(MemoryUsage { used: 1, total: 2 }),
        volumes: vec![VolumeUsage {
            volume: "/not/watched".into(),
            used: 1,
            total: 2,
        }],
    };
    let usage = |count| ResourcesMonitoringUsage {
        datapoints: vec![datapoint.clone(); count],
    };
    let most = configuration.num_datapoints;
    api.push_resources_monitoring_usage(usage(most))
        .await
        .unwrap();
    api.push_resources_monitoring_usage(usage(0)).await.unwrap();
    expect(
        api.push_resources_monitoring_usage(usage(most + 1)).await,
        ErrorKind::InvalidInput,
    );
}

/// An agent that was killed tells again what its predecessor knew.
pub async fn runs_may_be_told_again(api: &dyn AgentApi) {
    let startup = |run: u128| Startup {
        run_id: Some(AgentRunId(Uuid::from_u128(run))),
        ..Startup::default()
    };
    let completed = ScriptCompleted {
        script_id: api.manifest().await.unwrap().scripts.first().unwrap().id,
        start: now(),
        end: now(),
        exit_code: 0,
        stage: ScriptStage::Start,
        status: ScriptStatus::Ok,
        last_lines: String::new(),
    };
    for run in [1, 1, 2] {
        api.report_startup(startup(run)).await.unwrap();
        for state in [LifecycleState::Starting, LifecycleState::Ready] {
            let report = LifecycleReport {
                state,
                changed_at: now(),
            };
            api.report_lifecycle(report).await.unwrap();
        }
        api.script_completed(completed.clone()).await.unwrap();
    }
}

fn lines(log_source_id: LogSourceId, texts: &[&str]) -> PatchLogs {
    let log = |text: &&str| Log {
        created_at: now(),
        output: (*text).to_owned(),
        level: LogLevel::Info,
    };
    PatchLogs {
        log_source_id,
        logs: texts.iter().map(log).collect(),
    }
}

fn now() -> Timestamp {
    Timestamp::from_timestamp_micros(1_790_000_000_000_000).unwrap()
}

fn expect<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind) {
    match result {
        Err(error) if error.kind() == kind => {}
        other => panic!("expected {kind:?}, found {other:?}"),
    }
}

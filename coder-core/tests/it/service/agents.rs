use super::harness::{Harness, found};
use coder_core::{
    ErrorKind,
    id::LogSourceId,
    provisioner_job::LogLevel,
    rbac::Action,
    script::{MAX_LAST_LINES_BYTES, ScriptStage, ScriptStatus, ScriptTiming},
    service::agents::{AgentStartup, EXTERNAL_LOG_SOURCE, INACTIVE_AFTER_MS, NewAgentLog},
    store::{AgentOwner, conformance::fixture},
    user::UserStatus,
    workspace_agent::{AgentStatus, LifecycleState, MetadataUpdate, WorkspaceAgent},
    workspace_app::AppHealth,
    workspace_build::WorkspaceTransition,
};

pub(super) const TOKEN: &str = "4b1e7a52-8f65-4d7c-9a77-51b1c0ffee00";

pub(super) async fn agent(harness: &Harness, owner: &AgentOwner) -> WorkspaceAgent {
    let (details, _) = harness
        .agents
        .get(&harness.ann(), owner.agent.id)
        .await
        .expect("seen");
    details.agent
}

pub(super) fn line(harness: &Harness, output: &str) -> NewAgentLog {
    NewAgentLog {
        created_at: harness.now(),
        output: output.to_owned(),
        level: LogLevel::Info,
    }
}

/// Whether an agent may stay connected.
async fn may_stay(harness: &Harness, owner: &AgentOwner) -> bool {
    let id = owner.agent.id;
    let row = async || {
        harness
            .write(async |tx| tx.workspace_agents().get(id).await.expect("read"))
            .await
    };
    let before = row().await;
    let looked = harness.agents.may_stay(id).await;
    assert_eq!(row().await, before, "nothing is noted");
    looked.expect("checked")
}

#[tokio::test]
async fn a_token_is_good_while_the_owner_is_active() {
    let harness = Harness::new().await;
    let workspace = harness.running("dev", TOKEN).await;
    let owner = harness.agents.authenticate(TOKEN).await.expect("good");
    assert_eq!(owner.workspace.id, workspace.id);
    for wrong in ["", "x", "4b1e7a52-8f65-4d7c-9a77-51b1c0ffee01"] {
        let refused = harness.agents.authenticate(wrong).await;
        assert_eq!(
            refused.expect_err("wrong").kind(),
            ErrorKind::Unauthenticated
        );
    }
    let mut user = harness.world.user.clone();
    user.status = UserStatus::Suspended;
    harness
        .write(async |tx| tx.users().update(&user).await.expect("updated"))
        .await;
    let refused = harness.agents.authenticate(TOKEN).await;
    assert_eq!(
        refused.expect_err("suspended").kind(),
        ErrorKind::Unauthenticated
    );
    assert!(!may_stay(&harness, &owner).await);
    let user = harness.world.user.clone();
    harness
        .write(async |tx| tx.users().update(&user).await.expect("updated"))
        .await;
    assert!(may_stay(&harness, &owner).await);
}

/// It runs its stop scripts then; nobody comes in any more.
#[tokio::test]
async fn an_agent_is_known_until_its_workspace_has_stopped() {
    let harness = Harness::new().await;
    let workspace = harness.running("dev", TOKEN).await;
    let owner = harness.agents.authenticate(TOKEN).await.expect("good");
    harness.build(&workspace, WorkspaceTransition::Stop).await;
    assert!(harness.agents.authenticate(TOKEN).await.is_ok());
    let seen = async || {
        let seen = harness.agents.seen(owner.agent.id).await;
        seen.expect("checked").is_some()
    };
    assert!(seen().await);
    let reachable = harness
        .agents
        .reachable(&harness.ann(), owner.agent.id, &[Action::Ssh])
        .await;
    assert_eq!(
        reachable.expect_err("newer build").kind(),
        ErrorKind::NotFound
    );
    harness.finish("state", Vec::new()).await;
    let refused = harness.agents.authenticate(TOKEN).await;
    assert_eq!(
        refused.expect_err("stopped").kind(),
        ErrorKind::Unauthenticated
    );
    assert!(!may_stay(&harness, &owner).await);
    assert!(!seen().await);
}

#[tokio::test]
async fn the_same_token_may_come_back_in_the_next_build() {
    let harness = Harness::new().await;
    let workspace = harness.running("dev", TOKEN).await;
    let before = harness
        .agents
        .authenticate(TOKEN)
        .await
        .expect("good")
        .agent
        .id;
    // A second start takes over, even before it has agents.
    harness.build(&workspace, WorkspaceTransition::Start).await;
    let between = harness.agents.authenticate(TOKEN).await;
    assert_eq!(
        between.expect_err("newer build").kind(),
        ErrorKind::Unauthenticated
    );
    harness.finish("state", vec![found(TOKEN)]).await;
    let after = harness
        .agents
        .authenticate(TOKEN)
        .await
        .expect("good")
        .agent
        .id;
    assert_ne!(before, after);
    let old = harness.agents.get(&harness.ann(), before).await;
    assert_eq!(
        old.expect_err("of an earlier build").kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn others_reach_and_see_nothing() {
    let harness = Harness::new().await;
    harness.running("dev", TOKEN).await;
    let id = harness
        .agents
        .authenticate(TOKEN)
        .await
        .expect("good")
        .agent
        .id;
    let (bob, subject) = harness.bob().await;
    let refused = [
        harness.agents.get(&subject, id).await.map(drop),
        harness.agents.metadata(&subject, id).await.map(drop),
        harness
            .agents
            .logs(&subject, id, 0, None, 0)
            .await
            .map(drop),
        harness
            .agents
            .reachable(&subject, id, &[Action::Ssh])
            .await
            .map(drop),
    ];
    for refused in refused {
        assert_eq!(refused.expect_err("hidden").kind(), ErrorKind::NotFound);
    }
    // Looking is not reaching.
    let admin = harness.member(bob.id, &["template-admin"]);
    assert!(harness.agents.get(&admin, id).await.is_ok());
    assert!(
        harness
            .agents
            .reachable(&admin, id, &[Action::Ssh])
            .await
            .is_err()
    );
    let app_only = harness
        .ann()
        .with_scopes(vec!["coder:application_connect".to_owned()]);
    assert!(
        harness
            .agents
            .reachable(&app_only, id, &[Action::Ssh])
            .await
            .is_err()
    );
    let either = [Action::ApplicationConnect, Action::Ssh];
    assert!(
        harness
            .agents
            .reachable(&app_only, id, &either)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn connections_are_noted_and_an_old_one_does_not_end_a_new_one() {
    let harness = Harness::new().await;
    harness.running("dev", TOKEN).await;
    let owner = harness.agents.authenticate(TOKEN).await.expect("good");
    let status = async || {
        let agent = agent(&harness, &owner).await;
        AgentStatus::of(&agent, harness.now(), INACTIVE_AFTER_MS)
    };
    assert_eq!(status().await, AgentStatus::Connecting);
    let first = harness.agents.connected(&owner).await.expect("noted");
    assert_eq!(status().await, AgentStatus::Connected);
    harness.advance(20);
    assert_eq!(status().await, AgentStatus::Connected);
    let seen = harness.agents.seen(owner.agent.id).await;
    assert_eq!(seen.expect("noted"), Some(harness.now()));
    harness.advance(30);
    assert_eq!(status().await, AgentStatus::Connected);
    harness.advance(1);
    assert_eq!(status().await, AgentStatus::Disconnected);
    let second = harness.agents.connected(&owner).await.expect("noted");
    harness
        .agents
        .disconnected(&owner, first)
        .await
        .expect("noted");
    assert_eq!(status().await, AgentStatus::Connected);
    harness.advance(1);
    harness
        .agents
        .disconnected(&owner, second)
        .await
        .expect("noted");
    assert_eq!(status().await, AgentStatus::Disconnected);
    harness.agents.connected(&owner).await.expect("noted");
    assert_eq!(status().await, AgentStatus::Connected);
    assert_eq!(
        agent(&harness, &owner).await.first_connected_at,
        Some(first)
    );
}

#[tokio::test]
async fn states_only_move_forward() {
    let harness = Harness::new().await;
    harness.running("dev", TOKEN).await;
    let owner = harness.agents.authenticate(TOKEN).await.expect("good");
    let start = harness.now();
    let report = async |state| {
        harness
            .agents
            .report_lifecycle(&owner, state, harness.now())
            .await
            .expect("noted");
        agent(&harness, &owner).await
    };
    assert_eq!(
        report(LifecycleState::Starting).await.started_at,
        Some(start)
    );
    harness.advance(5);
    let ready = report(LifecycleState::Ready).await;
    assert_eq!(ready.ready_at, Some(start + chrono::TimeDelta::seconds(5)));
    let again = report(LifecycleState::Starting).await;
    assert_eq!(
        (again.lifecycle_state, again.started_at),
        (LifecycleState::Ready, Some(start))
    );
    let off = report(LifecycleState::Off).await;
    assert_eq!(
        (off.lifecycle_state, off.ready_at),
        (LifecycleState::Off, ready.ready_at)
    );
    // An agent from the future is not believed.
    let startup = AgentStartup {
        version: "v1\n".to_owned(),
        subsystems: vec!["envbox".to_owned(), "evil".to_owned()],
        ..AgentStartup::default()
    };
    harness
        .agents
        .report_startup(&owner, &startup)
        .await
        .expect("noted");
    let agent = agent(&harness, &owner).await;
    assert_eq!(
        (agent.version.as_str(), agent.subsystems),
        ("v1", vec!["envbox".to_owned()])
    );
}

#[tokio::test]
async fn logs_are_cleaned_bounded_and_kept_by_source() {
    let harness = Harness::new().await;
    harness.running("dev", TOKEN).await;
    let mut owner = harness.agents.authenticate(TOKEN).await.expect("good");
    let known = harness
        .agents
        .manifest(&owner)
        .await
        .expect("manifest")
        .scripts[0]
        .log_source_id;
    let unknown: LogSourceId = fixture::id(4_711);
    let lines = [line(&harness, "one\r\n"), line(&harness, "\u{1b}[2Jtwo")];
    harness
        .agents
        .append_logs(&owner, known, &lines)
        .await
        .expect("stored");
    harness
        .agents
        .append_logs(&owner, unknown, &[line(&harness, "x")])
        .await
        .expect("stored");
    let (stored, active) = harness
        .agents
        .logs(&harness.ann(), owner.agent.id, 0, None, 0)
        .await
        .expect("logs");
    assert!(active);
    let shown: Vec<_> = stored
        .iter()
        .map(|line| (line.output.as_str(), line.source_id))
        .collect();
    assert_eq!(
        shown,
        [("one", known), ("two", known), ("x", EXTERNAL_LOG_SOURCE)]
    );

    assert!(
        harness
            .agents
            .append_logs(&owner, known, &[])
            .await
            .is_err()
    );
    let flood = vec![line(&harness, &"y".repeat(60_000)); 20];
    let full = harness.agents.append_logs(&owner, known, &flood).await;
    assert_eq!(full.expect_err("full").kind(), ErrorKind::TooLarge);
    owner = harness.agents.authenticate(TOKEN).await.expect("good");
    assert!(owner.agent.logs_overflowed && owner.agent.logs_length <= 1_048_576);
    let full = harness.agents.append_logs(&owner, known, &lines).await;
    assert_eq!(full.expect_err("full").kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn reports_reach_only_what_is_the_agents_own() {
    let harness = Harness::new().await;
    harness.running("dev", TOKEN).await;
    let other = "4b1e7a52-8f65-4d7c-9a77-51b1c0ffee02";
    harness.running("other", other).await;
    let owner = harness.agents.authenticate(TOKEN).await.expect("good");
    let mine = harness.agents.manifest(&owner).await.expect("manifest");
    let theirs = harness.agents.authenticate(other).await.expect("good");
    let theirs = harness.agents.manifest(&theirs).await.expect("manifest");

    let healthy = (mine.apps[0].id, AppHealth::Healthy);
    let foreign = [healthy, (theirs.apps[0].id, AppHealth::Healthy)];
    let refused = harness.agents.report_app_health(&owner, &foreign).await;
    assert_eq!(refused.expect_err("foreign").kind(), ErrorKind::NotFound);
    let unchanged = harness.agents.manifest(&owner).await.expect("manifest");
    assert_eq!(unchanged.apps[0].health, mine.apps[0].health);
    harness
        .agents
        .report_app_health(&owner, &[healthy])
        .await
        .expect("noted");

    let timing = |script_id| ScriptTiming {
        script_id,
        started_at: harness.now(),
        ended_at: harness.now(),
        exit_code: 1,
        stage: ScriptStage::Start,
        status: ScriptStatus::ExitFailure,
        last_lines: format!("{}\u{1b}[2Jno\u{7} file", "x\n".repeat(3_000)),
    };
    let refused = harness
        .agents
        .script_completed(&owner, timing(theirs.scripts[0].id))
        .await;
    assert_eq!(refused.expect_err("foreign").kind(), ErrorKind::NotFound);
    harness
        .agents
        .script_completed(&owner, timing(mine.scripts[0].id))
        .await
        .expect("noted");
    let (details, _) = harness
        .agents
        .get(&harness.ann(), owner.agent.id)
        .await
        .expect("seen");
    let run = details.scripts[0].1.as_ref().expect("ran");
    assert_eq!(run.exit_code, 1);
    assert!(run.last_lines.len() <= MAX_LAST_LINES_BYTES);
    assert!(
        run.last_lines.ends_with("x\nno file"),
        "the end is kept, cleaned"
    );
    assert_eq!(details.apps[0].health, AppHealth::Healthy);
}

#[tokio::test]
async fn metadata_is_cut_and_unknown_keys_ignored() {
    let harness = Harness::new().await;
    harness.running("dev", TOKEN).await;
    let owner = harness.agents.authenticate(TOKEN).await.expect("good");
    let update = |key: &str, value: String| MetadataUpdate {
        key: key.to_owned(),
        value,
        error: String::new(),
        collected_at: harness.now() + chrono::TimeDelta::hours(1),
    };
    let updates = vec![
        update("cpu", "ä".repeat(5_000)),
        update("unknown", "1".to_owned()),
    ];
    let report = async |updates| {
        let updates = harness.agents.check_metadata(updates)?;
        let updates: Vec<_> = updates
            .into_iter()
            .map(|update| (owner.agent.id, update))
            .collect();
        harness.agents.store_metadata(&updates).await
    };
    report(updates).await.expect("noted");
    let stored = harness
        .agents
        .metadata(&harness.ann(), owner.agent.id)
        .await
        .expect("seen");
    assert_eq!((stored.len(), stored[0].value.len()), (1, 2_048));
    assert_eq!(stored[0].collected_at, Some(harness.now()));
    let hostile = "two\nlines\u{1b}]52;c;aGk=\u{7}\0".to_owned();
    report(vec![update("cpu", hostile)]).await.expect("noted");
    let stored = harness
        .agents
        .metadata(&harness.ann(), owner.agent.id)
        .await
        .expect("seen");
    assert_eq!(stored[0].value, "two\nlines");
    let long = report(vec![update(&"k".repeat(6_145), String::new())]).await;
    assert_eq!(long.expect_err("keys").kind(), ErrorKind::InvalidInput);
    let many = (0..257).map(|_| update("", String::new())).collect();
    assert_eq!(
        report(many).await.expect_err("many").kind(),
        ErrorKind::InvalidInput
    );
}

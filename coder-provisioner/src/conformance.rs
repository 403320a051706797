//! The checks that every [`Provisioner`] must pass.
//!
//! Write a [`Fixture`] for the provisioner and call
//! [`provisioner_conformance!`](crate::provisioner_conformance) with an expression that makes one;
//! each check becomes a test.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a suite of tests: a panic is how it reports"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::id::{LeaseId, ProvisionerJobId};
use coder_core::provisioner_job::LogLevel;
use coder_core::workspace_build::WorkspaceTransition;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::protocol::{
    ApplyComplete, ApplyFailed, ApplyRequest, Config, Log, Metadata, PlanComplete, PlanHandle,
    PlanRequest,
};
use crate::{ErrorKind, LogSink, Provisioner, Result, Session, StateSink};

/// The longest any single step of these checks may take, cancels aside.
const STEP_BOUND: Duration = Duration::from_secs(60);

/// The templates that a fixture provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Declares the variable `region` with the default `eu` and has the README `# Ordinary`.
    /// Its apply logs `first`, then `second`.
    Ordinary,
    /// Cannot be planned; the reason is logged as an error.
    Broken,
    /// Creates one resource, then fails.
    FailingApply,
    /// Its plan does not end by itself.
    SlowPlan,
    /// Its apply creates one resource, then does not end by itself.
    SlowApply,
}

/// A provisioner under test.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The provisioner.
    fn provisioner(&self) -> Arc<dyn Provisioner>;
    /// The archive of a case.
    fn archive(&self, case: Case) -> Bytes;
    /// Names of the resources that [`Case::Ordinary`] has after a start or a stop, sorted.
    fn resources(&self, transition: WorkspaceTransition) -> Vec<&'static str>;
    /// Returns when the endless step of a slow case runs.
    async fn running(&self, case: Case, recorder: &Recorder);
    /// Longest time a cancelled step may take to end.
    fn cancel_bound(&self) -> Duration;
}

/// Keeps everything that a session logs and hands over.
#[derive(Debug, Default)]
pub struct Recorder {
    logs: Mutex<Vec<Log>>,
    states: Mutex<Vec<Bytes>>,
    changed: watch::Sender<u64>,
}

impl Recorder {
    /// The lines so far.
    #[must_use]
    pub fn logs(&self) -> Vec<Log> {
        self.logs.lock().unwrap().clone()
    }

    /// The state snapshots so far.
    #[must_use]
    pub fn states(&self) -> Vec<Bytes> {
        self.states.lock().unwrap().clone()
    }

    /// Waits until a line contains `text`.
    pub async fn logged(&self, text: &str) {
        self.until(|| self.logs().iter().any(|log| log.output.contains(text)))
            .await;
    }

    /// Waits until a snapshot was handed over.
    pub async fn snapshot_taken(&self) {
        self.until(|| !self.states().is_empty()).await;
    }

    async fn until(&self, condition: impl Fn() -> bool) {
        let mut changed = self.changed.subscribe();
        let waited = timeout(STEP_BOUND, async {
            while !condition() {
                changed.changed().await.unwrap();
            }
        });
        if waited.await.is_err() {
            panic!("nothing came; the log so far: {:#?}", self.logs());
        }
    }
}

impl LogSink for Recorder {
    fn log(&self, log: Log) {
        self.logs.lock().unwrap().push(log);
        self.changed.send_modify(|count| *count += 1);
    }
}

impl StateSink for Recorder {
    fn snapshot(&self, state: Bytes) {
        self.states.lock().unwrap().push(state);
        self.changed.send_modify(|count| *count += 1);
    }
}

/// Makes one test of each check. The fixture expression is evaluated once for each.
#[macro_export]
macro_rules! provisioner_conformance {
    ($fixture:expr) => {
        $crate::provisioner_conformance! { @each $fixture;
            parse_reports_variables_and_readme
            a_workspace_is_started_stopped_and_deleted
            a_delete_without_state_succeeds
            logs_come_in_order
            only_the_newest_plan_is_applied
            a_plan_of_another_session_is_refused
            a_broken_template_is_explained_in_the_log
            a_failed_apply_hands_over_its_state
            a_cancelled_plan_ends
            a_cancelled_apply_ends_and_hands_over_its_state
            a_step_that_is_cancelled_before_it_begins_does_nothing
        }
    };
    (@each $fixture:expr; $($check:ident)+) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $check() {
            let fixture = $fixture;
            $crate::conformance::$check(&fixture).await;
        }
    )+ };
}

/// Opens a session on a case.
async fn open(fixture: &dyn Fixture, case: Case) -> (Box<dyn Session>, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let config = Config {
        job_id: ProvisionerJobId(Uuid::from_u128(1)),
        lease: LeaseId(Uuid::from_u128(2)),
        template_archive: fixture.archive(case),
        module_files: None,
        log_level: None,
        refresh: false,
    };
    let logs: Arc<dyn LogSink> = Arc::clone(&recorder) as _;
    let provisioner = fixture.provisioner();
    (
        bounded(provisioner.session(config, logs)).await.unwrap(),
        recorder,
    )
}

async fn bounded<T>(step: impl Future<Output = T>) -> T {
    match timeout(STEP_BOUND, step).await {
        Ok(value) => value,
        Err(_) => panic!("a step took longer than {STEP_BOUND:?}"),
    }
}

/// What the checks say of the workspace: `dev` of `ann`.
#[must_use]
pub fn metadata(workspace_transition: WorkspaceTransition) -> Metadata {
    Metadata {
        coder_url: "http://localhost:3000".into(),
        workspace_transition,
        workspace_id: Uuid::from_u128(2),
        workspace_name: "dev".into(),
        workspace_build_id: Some(Uuid::from_u128(3)),
        workspace_owner_id: Uuid::from_u128(4),
        workspace_owner: "ann".into(),
        workspace_owner_name: "Ann".into(),
        workspace_owner_email: "ann@example.com".into(),
        template_id: Uuid::from_u128(5),
        template_name: "template".into(),
        template_version: "v1".into(),
        ..Metadata::default()
    }
}

async fn plan(
    session: &mut dyn Session,
    transition: WorkspaceTransition,
    state: Bytes,
) -> Result<PlanComplete> {
    let request = PlanRequest {
        metadata: metadata(transition),
        state,
        ..PlanRequest::default()
    };
    bounded(session.plan(request, &CancellationToken::new())).await
}

async fn apply(
    session: &mut dyn Session,
    handle: PlanHandle,
    transition: WorkspaceTransition,
    recorder: &Arc<Recorder>,
) -> Result<ApplyComplete, ApplyFailed> {
    let request = ApplyRequest {
        metadata: metadata(transition),
    };
    let state: Arc<dyn StateSink> = Arc::clone(recorder) as _;
    bounded(session.apply(handle, request, state, &CancellationToken::new())).await
}

/// A whole build in a session of its own.
async fn build(
    fixture: &dyn Fixture,
    case: Case,
    transition: WorkspaceTransition,
    state: Bytes,
) -> Result<ApplyComplete, ApplyFailed> {
    let (mut session, recorder) = open(fixture, case).await;
    // As the daemon does it: nobody looks at the plan.
    let request = PlanRequest {
        metadata: metadata(transition),
        state,
        apply_only: true,
        ..PlanRequest::default()
    };
    let planned = bounded(session.plan(request, &CancellationToken::new()))
        .await
        .unwrap();
    apply(session.as_mut(), planned.handle, transition, &recorder).await
}

/// Parse finds the variable and the README.
pub async fn parse_reports_variables_and_readme(fixture: &dyn Fixture) {
    let (mut session, _) = open(fixture, Case::Ordinary).await;
    let parsed = bounded(session.parse(&CancellationToken::new()))
        .await
        .unwrap();
    assert_eq!(parsed.readme.trim(), "# Ordinary");
    let [variable] = parsed.template_variables.as_slice() else {
        panic!("one variable expected: {:?}", parsed.template_variables);
    };
    assert_eq!(variable.name, "region");
    assert_eq!(variable.default_value, "eu");
    assert!(!variable.required);
}

/// Each transition leaves what it should, starting from the state of the one before.
pub async fn a_workspace_is_started_stopped_and_deleted(fixture: &dyn Fixture) {
    let mut state = Bytes::new();
    for transition in [
        WorkspaceTransition::Start,
        WorkspaceTransition::Stop,
        WorkspaceTransition::Start,
    ] {
        let applied = build(fixture, Case::Ordinary, transition, state)
            .await
            .unwrap();
        let mut names: Vec<_> = applied
            .resources
            .iter()
            .map(|found| found.name.as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(names, fixture.resources(transition), "after {transition}");
        assert!(!applied.state.is_empty());
        state = applied.state;
    }
    let applied = build(fixture, Case::Ordinary, WorkspaceTransition::Delete, state)
        .await
        .unwrap();
    assert_eq!(applied.resources, []);
}

/// A workspace that never got to have state can be deleted.
pub async fn a_delete_without_state_succeeds(fixture: &dyn Fixture) {
    let deleted = build(
        fixture,
        Case::Ordinary,
        WorkspaceTransition::Delete,
        Bytes::new(),
    )
    .await;
    assert_eq!(deleted.unwrap().resources, []);
}

/// Lines arrive in the order in which they were written.
pub async fn logs_come_in_order(fixture: &dyn Fixture) {
    let (mut session, recorder) = open(fixture, Case::Ordinary).await;
    let transition = WorkspaceTransition::Start;
    let planned = plan(session.as_mut(), transition, Bytes::new())
        .await
        .unwrap();
    apply(session.as_mut(), planned.handle, transition, &recorder)
        .await
        .unwrap();
    let logs = recorder.logs();
    let place = |text: &str| logs.iter().position(|log| log.output.contains(text));
    let (Some(first), Some(second)) = (place("first"), place("second")) else {
        panic!("lines are missing: {logs:#?}");
    };
    assert!(first < second);
    assert!(
        logs.iter().all(|log| !log.output.contains('\n')),
        "{logs:#?}"
    );
}

/// A plan that was followed by another cannot be applied.
pub async fn only_the_newest_plan_is_applied(fixture: &dyn Fixture) {
    let (mut session, recorder) = open(fixture, Case::Ordinary).await;
    let transition = WorkspaceTransition::Start;
    let older = plan(session.as_mut(), transition, Bytes::new())
        .await
        .unwrap();
    plan(session.as_mut(), transition, Bytes::new())
        .await
        .unwrap();
    let failed = apply(session.as_mut(), older.handle, transition, &recorder)
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::InvalidRequest);
}

/// A handle is good for its own session only.
pub async fn a_plan_of_another_session_is_refused(fixture: &dyn Fixture) {
    let transition = WorkspaceTransition::Start;
    let (mut one, _) = open(fixture, Case::Ordinary).await;
    let (mut other, recorder) = open(fixture, Case::Ordinary).await;
    let planned = plan(one.as_mut(), transition, Bytes::new()).await.unwrap();
    plan(other.as_mut(), transition, Bytes::new())
        .await
        .unwrap();
    let failed = apply(other.as_mut(), planned.handle, transition, &recorder)
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::InvalidRequest);
}

/// The reason of a failed plan is in the log.
pub async fn a_broken_template_is_explained_in_the_log(fixture: &dyn Fixture) {
    let (mut session, recorder) = open(fixture, Case::Broken).await;
    plan(session.as_mut(), WorkspaceTransition::Start, Bytes::new())
        .await
        .unwrap_err();
    let logs = recorder.logs();
    assert!(
        logs.iter().any(|log| log.level == LogLevel::Error),
        "{logs:#?}"
    );
}

/// What was created before a failure is in the state, and can be deleted with it.
pub async fn a_failed_apply_hands_over_its_state(fixture: &dyn Fixture) {
    let start = WorkspaceTransition::Start;
    let failed = build(fixture, Case::FailingApply, start, Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Failed);
    let state = failed.state.unwrap();
    assert!(!state.is_empty());
    let delete = WorkspaceTransition::Delete;
    assert_eq!(
        build(fixture, Case::Ordinary, delete, state)
            .await
            .unwrap()
            .resources,
        []
    );
}

/// A cancel ends a plan in time.
pub async fn a_cancelled_plan_ends(fixture: &dyn Fixture) {
    let (mut session, recorder) = open(fixture, Case::SlowPlan).await;
    let cancel = CancellationToken::new();
    let request = PlanRequest {
        metadata: metadata(WorkspaceTransition::Start),
        ..PlanRequest::default()
    };
    let planned = {
        let canceller = async {
            bounded(fixture.running(Case::SlowPlan, &recorder)).await;
            cancel.cancel();
        };
        let bound = STEP_BOUND + fixture.cancel_bound();
        timeout(bound, async {
            tokio::join!(session.plan(request, &cancel), canceller).0
        })
        .await
        .unwrap()
    };
    assert_eq!(planned.unwrap_err().kind(), ErrorKind::Canceled);
}

/// A cancel ends an apply in time, and its state is not lost.
pub async fn a_cancelled_apply_ends_and_hands_over_its_state(fixture: &dyn Fixture) {
    let (mut session, recorder) = open(fixture, Case::SlowApply).await;
    let transition = WorkspaceTransition::Start;
    let planned = plan(session.as_mut(), transition, Bytes::new())
        .await
        .unwrap();
    let cancel = CancellationToken::new();
    let request = ApplyRequest {
        metadata: metadata(transition),
    };
    let sink: Arc<dyn StateSink> = Arc::clone(&recorder) as _;
    let applying = session.apply(planned.handle, request, sink, &cancel);
    let canceller = async {
        bounded(fixture.running(Case::SlowApply, &recorder)).await;
        bounded(recorder.snapshot_taken()).await;
        cancel.cancel();
    };
    let bound = STEP_BOUND + fixture.cancel_bound();
    let applied = timeout(bound, async { tokio::join!(applying, canceller).0 })
        .await
        .unwrap();
    let failed = applied.unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Canceled);
    let state = failed.state.unwrap();
    let delete = WorkspaceTransition::Delete;
    assert_eq!(
        build(fixture, Case::Ordinary, delete, state)
            .await
            .unwrap()
            .resources,
        []
    );
}

/// A token that is already cancelled keeps a step from doing anything.
pub async fn a_step_that_is_cancelled_before_it_begins_does_nothing(fixture: &dyn Fixture) {
    let (mut session, recorder) = open(fixture, Case::Ordinary).await;
    let transition = WorkspaceTransition::Start;
    let planned = plan(session.as_mut(), transition, Bytes::new())
        .await
        .unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let request = ApplyRequest {
        metadata: metadata(transition),
    };
    let sink: Arc<dyn StateSink> = Arc::clone(&recorder) as _;
    let failed = bounded(session.apply(planned.handle, request, sink, &cancel))
        .await
        .unwrap_err();
    assert_eq!(failed.error.kind(), ErrorKind::Canceled);
    let request = PlanRequest {
        metadata: metadata(transition),
        ..PlanRequest::default()
    };
    let error = bounded(session.plan(request, &cancel)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Canceled);
}

//! The daemon, driven with the echo provisioner against a fake of the server.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use coder_core::id::{LeaseId, ProvisionerJobId, WorkspaceBuildId};
use coder_core::provisioner_job::{JobErrorCode, LogLevel, LogSource, ProvisionerType};
use coder_core::secret::Secret;
use coder_core::template_version::VariableValue;
use coder_provisioner::echo::{EchoProvisioner, EchoScript};
use coder_provisioner::protocol::{
    AcquiredJob, CompletedJob, CompletedJobKind, FailedJob, JobKind, JobLog, Log,
    MAX_JOB_LOG_BYTES, Metadata, ReleasedJob, Resource, TemplateImport, TemplateVariable,
    UpdateJob, UpdateJobResponse, WorkspaceBuild, stage,
};
use coder_provisioner::{
    Daemon, DaemonOptions, Error, ErrorKind, Provisioner, ProvisionerDaemonApi, Result,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The longest a test waits for anything.
const BOUND: Duration = Duration::from_secs(20);

/// A fake of the server: a queue in memory that keeps all it is told.
#[derive(Default)]
pub(crate) struct FakeServer {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
    heartbeats: AtomicUsize,
}

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) queue: VecDeque<AcquiredJob>,
    acquired: usize,
    updates: Vec<UpdateJob>,
    pub(crate) completed: Vec<CompletedJob>,
    pub(crate) failed: Vec<FailedJob>,
    canceled: bool,
    lease_lost: bool,
    /// That many reports and updates are answered with "unavailable" first.
    unavailable: usize,
    /// That many further ones are answered with an error of the server itself.
    faults: usize,
    refuse_result: bool,
    variable_values: Vec<VariableValue>,
}

impl FakeServer {
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let value = change(&mut self.inner.lock().unwrap());
        self.changed.send_modify(|count| *count += 1);
        value
    }

    async fn until(&self, what: &str, condition: impl Fn(&Inner) -> bool) {
        let mut changed = self.changed.subscribe();
        let waited = timeout(BOUND, async {
            while !condition(&self.inner.lock().unwrap()) {
                changed.changed().await.unwrap();
            }
        });
        assert!(waited.await.is_ok(), "waited in vain until {what}");
    }

    /// All log lines that were stored.
    pub(crate) fn logs(&self) -> Vec<JobLog> {
        let inner = self.inner.lock().unwrap();
        inner
            .updates
            .iter()
            .flat_map(|update| update.logs.clone())
            .collect()
    }

    fn check(inner: &mut Inner) -> Result<()> {
        if inner.lease_lost {
            return Err(Error::new(ErrorKind::LeaseLost, "leased to another daemon"));
        }
        if inner.unavailable > 0 {
            inner.unavailable -= 1;
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the database is restarting",
            ));
        }
        if inner.faults > 0 {
            inner.faults -= 1;
            return Err(Error::new(ErrorKind::Internal, "the server failed"));
        }
        Ok(())
    }
}

#[async_trait]
impl ProvisionerDaemonApi for FakeServer {
    async fn acquire_job(&self, cancel: &CancellationToken) -> Result<Option<AcquiredJob>> {
        let mut changed = self.changed.subscribe();
        loop {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            let job = self.inner.lock().unwrap().queue.pop_front();
            if let Some(job) = job {
                self.with(|inner| inner.acquired += 1);
                return Ok(Some(job));
            }
            tokio::select! {
                _ = changed.changed() => {}
                () = cancel.cancelled() => return Ok(None),
            }
        }
    }

    async fn update_job(&self, update: UpdateJob) -> Result<UpdateJobResponse> {
        self.with(|inner| {
            Self::check(inner)?;
            inner.updates.push(update);
            Ok(UpdateJobResponse {
                canceled: inner.canceled,
                variable_values: inner.variable_values.clone(),
            })
        })
    }

    async fn complete_job(&self, completed: CompletedJob) -> Result<()> {
        self.with(|inner| {
            Self::check(inner)?;
            if inner.refuse_result {
                return Err(Error::new(
                    ErrorKind::InvalidTemplate,
                    "two apps share a slug",
                ));
            }
            inner.completed.push(completed);
            Ok(())
        })
    }

    async fn fail_job(&self, failed: FailedJob) -> Result<()> {
        self.with(|inner| {
            Self::check(inner)?;
            inner.failed.push(failed);
            Ok(())
        })
    }

    async fn release_job(&self, _: ReleasedJob) -> Result<()> {
        Ok(())
    }

    async fn heartbeat(&self) -> Result<()> {
        self.heartbeats.fetch_add(1, Ordering::SeqCst);
        self.changed.send_modify(|count| *count += 1);
        Ok(())
    }
}

struct Harness {
    server: Arc<FakeServer>,
    echo: EchoProvisioner,
    shutdown: CancellationToken,
    daemon: JoinHandle<()>,
}

impl Harness {
    fn start(options: DaemonOptions) -> Self {
        let server = Arc::new(FakeServer::default());
        let echo = EchoProvisioner::new();
        let provisioner: Arc<dyn Provisioner> = Arc::new(echo.clone());
        let provisioners = BTreeMap::from([(ProvisionerType::Echo, provisioner)]);
        let daemon = Daemon::new(options, Arc::clone(&server) as _, provisioners);
        let shutdown = CancellationToken::new();
        let token = shutdown.clone();
        let daemon = tokio::spawn(async move { daemon.run(token).await });
        Self {
            server,
            echo,
            shutdown,
            daemon,
        }
    }

    fn queue(&self, number: u128, kind: JobKind, script: &EchoScript) {
        self.queue_for(ProvisionerType::Echo, number, kind, script);
    }

    fn queue_for(
        &self,
        provisioner: ProvisionerType,
        number: u128,
        kind: JobKind,
        script: &EchoScript,
    ) {
        let job = AcquiredJob {
            job_id: ProvisionerJobId(Uuid::from_u128(number)),
            lease: LeaseId(Uuid::from_u128(number + 1000)),
            created_at: DateTime::UNIX_EPOCH,
            provisioner,
            user_name: "ann".into(),
            template_archive: script.to_archive("# Read me").unwrap(),
            module_files: None,
            kind,
        };
        self.server.with(|inner| inner.queue.push_back(job));
    }

    async fn ended(&self) {
        let ended = |inner: &Inner| inner.completed.len() + inner.failed.len() == 1;
        self.server.until("the job ended", ended).await;
    }

    /// The only failure, after the daemon has stopped.
    async fn failure(self) -> FailedJob {
        self.ended().await;
        let server = Arc::clone(&self.server);
        self.stop().await;
        let failed = server.with(|inner| inner.failed.clone());
        let [failed] = failed.as_slice() else {
            panic!("one failure expected: {failed:?}")
        };
        failed.clone()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        timeout(BOUND, self.daemon)
            .await
            .expect("the daemon stops")
            .unwrap();
    }
}

/// Short intervals, so that tests are quick.
fn options() -> DaemonOptions {
    DaemonOptions {
        update_interval: Duration::from_millis(100),
        log_flush_interval: Duration::from_millis(10),
        heartbeat_interval: Duration::from_millis(50),
        ..DaemonOptions::default()
    }
}

pub(crate) fn build() -> JobKind {
    JobKind::WorkspaceBuild(Box::new(WorkspaceBuild {
        workspace_build_id: WorkspaceBuildId(Uuid::from_u128(9)),
        workspace_name: "dev".into(),
        rich_parameter_values: Vec::new(),
        previous_parameter_values: Vec::new(),
        variable_values: Vec::new(),
        external_auth_tokens: Vec::new(),
        metadata: Metadata::default(),
        state: Bytes::new(),
        log_level: None,
    }))
}

fn import() -> JobKind {
    JobKind::TemplateImport(Box::default())
}

fn script() -> EchoScript {
    let resource = |name: &str| Resource {
        name: name.into(),
        ..Resource::default()
    };
    let mut script = EchoScript::default();
    script.plan.start_resources = vec![resource("disk"), resource("compute")];
    script.plan.stop_resources = vec![resource("disk")];
    script.plan.step.logs = vec![Log::new(LogLevel::Info, "planned")];
    script.apply.step.logs = vec![
        Log::new(LogLevel::Info, "one"),
        Log::new(LogLevel::Info, "two"),
    ];
    script
}

/// A script whose apply hands over a snapshot and then waits.
fn waiting_script() -> EchoScript {
    let mut script = script();
    script.apply.snapshot = Some("half".into());
    script.apply.step.wait_for = Some("go".into());
    script
}

fn variable(name: &str, default_value: Option<&str>) -> TemplateVariable {
    TemplateVariable {
        name: name.into(),
        description: String::new(),
        kind: "string".into(),
        default_value: default_value.unwrap_or_default().into(),
        required: default_value.is_none(),
        sensitive: false,
    }
}

#[tokio::test]
async fn a_build_is_carried_out_and_its_log_is_complete() {
    let harness = Harness::start(options());
    harness.queue(1, build(), &script());
    harness.ended().await;
    let server = Arc::clone(&harness.server);
    harness.stop().await;
    let completed = server.with(|inner| inner.completed.clone());
    assert_eq!(completed[0].lease, LeaseId(Uuid::from_u128(1001)));
    let CompletedJobKind::WorkspaceBuild(result) = &completed[0].kind else {
        panic!("another kind: {completed:?}")
    };
    assert_eq!(result.resources.len(), 2);
    assert!(!result.state.is_empty());
    let logs = server.logs();
    assert_eq!(logs[0].source, LogSource::ProvisionerDaemon);
    assert_eq!(logs[0].stage, stage::SETTING_UP);
    let told: Vec<_> = logs
        .iter()
        .filter(|log| log.source == LogSource::Provisioner)
        .map(|log| (log.stage.as_str(), log.output.as_str()))
        .collect();
    let starting = "Starting workspace";
    assert_eq!(
        told,
        [
            (stage::PLANNING, "planned"),
            (starting, "one"),
            (starting, "two")
        ]
    );
}

#[tokio::test]
async fn an_import_stores_variables_and_plans_both_transitions() {
    let harness = Harness::start(options());
    let mut script = script();
    script.parse.template_variables = vec![variable("zone", None), variable("size", Some("1"))];
    let zone = VariableValue {
        name: "zone".into(),
        value: Secret::new("a"),
    };
    harness
        .server
        .with(|inner| inner.variable_values = vec![zone]);
    harness.queue(1, import(), &script);
    harness.ended().await;
    let server = Arc::clone(&harness.server);
    harness.stop().await;
    server.with(|inner| {
        let found = inner
            .updates
            .iter()
            .find(|update| update.readme.is_some())
            .unwrap();
        assert_eq!(found.readme.as_deref(), Some("# Read me"));
        assert_eq!(found.template_variables.as_ref().unwrap().len(), 2);
        let CompletedJobKind::TemplateImport(result) = &inner.completed[0].kind else {
            panic!("another kind")
        };
        assert_eq!(
            (result.start_resources.len(), result.stop_resources.len()),
            (2, 1)
        );
    });
}

#[tokio::test]
async fn an_import_without_a_required_variable_fails_with_its_code() {
    let harness = Harness::start(options());
    let mut script = script();
    script.parse.template_variables = vec![variable("zone", None)];
    harness.queue(1, import(), &script);
    let failed = harness.failure().await;
    assert_eq!(
        failed.error_code,
        Some(JobErrorCode::RequiredTemplateVariables)
    );
    assert!(failed.error.contains("zone"), "{}", failed.error);
}

#[tokio::test]
async fn an_import_uses_the_values_of_its_author() {
    let harness = Harness::start(options());
    let mut script = script();
    script.parse.template_variables = vec![variable("zone", None)];
    let import = TemplateImport {
        user_variable_values: vec![VariableValue {
            name: "zone".into(),
            value: Secret::new("a"),
        }],
        ..TemplateImport::default()
    };
    harness.queue(1, JobKind::TemplateImport(Box::new(import)), &script);
    harness.ended().await;
    harness
        .server
        .with(|inner| assert_eq!(inner.failed.len(), 0));
    harness.stop().await;
}

#[tokio::test]
async fn no_more_jobs_run_at_once_than_allowed() {
    let harness = Harness::start(DaemonOptions {
        max_jobs: 2,
        ..options()
    });
    for number in 1..=3 {
        let mut script = script();
        script.apply.step.wait_for = Some(format!("go {number}"));
        harness.queue(number, build(), &script);
    }
    timeout(BOUND, harness.echo.reached("go 1")).await.unwrap();
    timeout(BOUND, harness.echo.reached("go 2")).await.unwrap();
    harness.server.with(|inner| assert_eq!(inner.acquired, 2));
    harness.echo.release("go 1");
    timeout(BOUND, harness.echo.reached("go 3")).await.unwrap();
    harness.echo.release("go 2");
    harness.echo.release("go 3");
    harness
        .server
        .until("all are done", |inner| inner.completed.len() == 3)
        .await;
    harness.stop().await;
}

#[tokio::test]
async fn a_silent_job_and_the_daemon_show_signs_of_life() {
    let harness = Harness::start(options());
    harness.queue(1, build(), &waiting_script());
    let silent = |inner: &Inner| {
        let empty = |update: &&UpdateJob| update.logs.is_empty() && update.state.is_none();
        inner.updates.iter().filter(empty).count() >= 3
    };
    harness
        .server
        .until("three empty updates came", silent)
        .await;
    let seen = || harness.server.heartbeats.load(Ordering::SeqCst) >= 3;
    harness
        .server
        .until("three heartbeats came", |_| seen())
        .await;
    harness.echo.release("go");
    harness.ended().await;
    harness.stop().await;
}

#[tokio::test]
async fn state_snapshots_reach_the_server_while_apply_runs() {
    let harness = Harness::start(options());
    harness.queue(1, build(), &waiting_script());
    let half = Bytes::from_static(b"half");
    let stored = |inner: &Inner| {
        inner
            .updates
            .iter()
            .any(|update| update.state == Some(half.clone()))
    };
    harness
        .server
        .until("the snapshot was stored", stored)
        .await;
    harness
        .server
        .with(|inner| assert_eq!(inner.completed.len(), 0));
    harness.echo.release("go");
    harness.ended().await;
    harness.stop().await;
}

#[tokio::test]
async fn a_cancelled_job_ends_as_canceled_with_its_state() {
    let harness = Harness::start(options());
    let mut script = waiting_script();
    script.apply.state = Some("as far as it got".into());
    harness.queue(1, build(), &script);
    timeout(BOUND, harness.echo.reached("go")).await.unwrap();
    harness.server.with(|inner| inner.canceled = true);
    let failed = harness.failure().await;
    assert!(failed.canceled);
    assert_eq!(failed.state, Some(Bytes::from_static(b"as far as it got")));
}

#[tokio::test]
async fn a_job_that_ignores_a_cancel_is_ended_by_force() {
    let force_cancel_interval = Duration::from_millis(200);
    let harness = Harness::start(DaemonOptions {
        force_cancel_interval,
        ..options()
    });
    let mut script = waiting_script();
    script.apply.step.ignore_cancel = true;
    harness.queue(1, build(), &script);
    timeout(BOUND, harness.echo.reached("go")).await.unwrap();
    harness.server.with(|inner| inner.canceled = true);
    let failed = harness.failure().await;
    assert_eq!(failed.error, "Cancel timed out");
    assert!(!failed.canceled);
    assert_eq!(failed.state, Some(Bytes::from_static(b"half")));
}

#[tokio::test]
async fn a_lost_lease_ends_the_job_without_another_write() {
    let harness = Harness::start(DaemonOptions {
        max_jobs: 1,
        ..options()
    });
    harness.queue(1, build(), &waiting_script());
    timeout(BOUND, harness.echo.reached("go")).await.unwrap();
    harness.server.with(|inner| inner.lease_lost = true);
    // The slot is free again only when nothing of the first job runs any more.
    let mut next = script();
    next.plan.step.wait_for = Some("next".into());
    harness.queue(2, build(), &next);
    harness
        .server
        .until("the next job was taken", |inner| inner.acquired == 2)
        .await;
    harness.server.with(|inner| {
        inner.lease_lost = false;
        inner.updates.clear();
    });
    harness.echo.release("go");
    harness.echo.release("next");
    harness.ended().await;
    let server = Arc::clone(&harness.server);
    harness.stop().await;
    server.with(|inner| {
        let second = ProvisionerJobId(Uuid::from_u128(2));
        assert_eq!(inner.completed[0].job_id, second);
        assert!(inner.updates.iter().all(|update| update.job_id == second));
        assert_eq!(inner.failed.len(), 0);
    });
}

/// A build that ends when its lease is lost. Its daemon says nothing in between.
async fn kept_after_a_lost_lease(state: &str) -> Vec<Bytes> {
    let harness = Harness::start(DaemonOptions {
        update_interval: BOUND * 10,
        log_flush_interval: BOUND * 10,
        ..options()
    });
    let mut script = waiting_script();
    script.apply.state = Some(state.into());
    harness.queue(1, build(), &script);
    timeout(BOUND, harness.echo.reached("go")).await.unwrap();
    let stored = |inner: &Inner| inner.updates.iter().any(|update| update.state.is_some());
    harness.server.until("the snapshot is stored", stored).await;
    harness.server.with(|inner| inner.lease_lost = true);
    harness.echo.release("go");
    let (server, echo) = (Arc::clone(&harness.server), harness.echo.clone());
    harness.stop().await;
    server.with(|inner| assert_eq!((inner.completed.len(), inner.failed.len()), (0, 0)));
    echo.kept()
}

#[tokio::test]
async fn a_state_that_the_server_does_not_take_is_kept() {
    let kept = kept_after_a_lost_lease("whole").await;
    assert_eq!(kept, [Bytes::from_static(b"whole")]);
    let kept = kept_after_a_lost_lease("half").await;
    assert!(kept.is_empty(), "the server has it");
}

#[tokio::test]
async fn calls_are_repeated_while_the_server_is_out_of_reach() {
    let harness = Harness::start(options());
    harness.queue(1, build(), &waiting_script());
    timeout(BOUND, harness.echo.reached("go")).await.unwrap();
    harness.server.with(|inner| inner.unavailable = 3);
    harness.echo.release("go");
    harness.ended().await;
    let server = Arc::clone(&harness.server);
    harness.stop().await;
    let outputs: Vec<_> = server.logs().into_iter().map(|log| log.output).collect();
    for line in ["planned", "one", "two"] {
        assert_eq!(
            outputs.iter().filter(|output| *output == line).count(),
            1,
            "{outputs:?}"
        );
    }
    server.with(|inner| assert_eq!((inner.completed.len(), inner.unavailable), (1, 0)));
}

#[tokio::test]
async fn a_fault_of_the_server_that_passes_does_not_fail_the_job() {
    let harness = Harness::start(options());
    harness.queue(1, build(), &waiting_script());
    timeout(BOUND, harness.echo.reached("go")).await.unwrap();
    harness.server.with(|inner| inner.faults = 3);
    harness.echo.release("go");
    harness.ended().await;
    harness
        .server
        .with(|inner| assert_eq!((inner.completed.len(), inner.faults), (1, 0)));
    harness.stop().await;
}

#[tokio::test]
async fn a_fault_of_the_server_that_stays_fails_the_job() {
    let harness = Harness::start(options());
    let mut script = waiting_script();
    script.apply.state = Some("as far as it got".into());
    harness.queue(1, build(), &script);
    timeout(BOUND, harness.echo.reached("go")).await.unwrap();
    harness.server.with(|inner| inner.faults = 6);
    let failed = harness.failure().await;
    assert_eq!(failed.error, "the server failed");
    assert_eq!(failed.state, Some(Bytes::from_static(b"as far as it got")));
}

#[tokio::test]
async fn a_job_is_cancelled_when_the_server_stays_out_of_reach() {
    let unreachable_timeout = Duration::from_millis(300);
    let harness = Harness::start(DaemonOptions {
        unreachable_timeout,
        ..options()
    });
    let mut script = waiting_script();
    script.apply.state = Some("as far as it got".into());
    harness.queue(1, build(), &script);
    timeout(BOUND, harness.echo.reached("go")).await.unwrap();
    harness.server.with(|inner| inner.unavailable = usize::MAX);
    // The work ends although nobody releases it; then the server comes back.
    let silenced = |inner: &Inner| inner.unavailable < usize::MAX - 8;
    harness.server.until("many calls failed", silenced).await;
    harness.server.with(|inner| inner.unavailable = 0);
    let failed = harness.failure().await;
    assert_eq!(
        failed.error,
        "the provisioner daemon lost its connection to the server"
    );
    assert_eq!(failed.state, Some(Bytes::from_static(b"as far as it got")));
}

#[tokio::test]
async fn a_panic_fails_the_job_and_not_the_daemon() {
    let harness = Harness::start(options());
    let mut script = script();
    script.apply.snapshot = Some("half".into());
    script.apply.step.panic = Some("boom".into());
    harness.queue(1, build(), &script);
    let failed = harness.failure().await;
    assert!(failed.error.contains("boom"), "{}", failed.error);
    assert_eq!(failed.state, Some(Bytes::from_static(b"half")));
}

#[tokio::test]
async fn a_result_that_the_server_refuses_fails_the_job_and_keeps_its_state() {
    let harness = Harness::start(options());
    harness.server.with(|inner| inner.refuse_result = true);
    let mut script = script();
    script.apply.state = Some("all".into());
    harness.queue(1, build(), &script);
    let failed = harness.failure().await;
    assert_eq!(failed.error, "two apps share a slug");
    assert_eq!(failed.state, Some(Bytes::from_static(b"all")));
}

#[tokio::test]
async fn shutdown_lets_running_jobs_finish_and_takes_no_more() {
    let harness = Harness::start(options());
    harness.queue(1, build(), &waiting_script());
    timeout(BOUND, harness.echo.reached("go")).await.unwrap();
    harness.shutdown.cancel();
    harness.queue(2, build(), &script());
    harness.echo.release("go");
    let server = Arc::clone(&harness.server);
    harness.stop().await;
    server.with(|inner| {
        assert_eq!(
            (inner.completed.len(), inner.acquired, inner.queue.len()),
            (1, 1, 1)
        );
    });
}

#[tokio::test]
async fn shutdown_cancels_jobs_that_outlast_its_grace() {
    let shutdown_grace = Duration::from_millis(100);
    let harness = Harness::start(DaemonOptions {
        shutdown_grace,
        ..options()
    });
    let mut script = waiting_script();
    script.apply.state = Some("as far as it got".into());
    harness.queue(1, build(), &script);
    timeout(BOUND, harness.echo.reached("go")).await.unwrap();
    harness.shutdown.cancel();
    let failed = harness.failure().await;
    assert_eq!(failed.error, "the provisioner daemon was shut down");
    assert!(!failed.canceled);
    assert_eq!(failed.state, Some(Bytes::from_static(b"as far as it got")));
}

#[tokio::test]
async fn a_flood_of_logs_is_cut_in_the_middle() {
    let harness = Harness::start(options());
    let mut script = script();
    let line = |number| Log::new(LogLevel::Info, format!("{number:0500}"));
    script.apply.step.logs = (0..20_000).map(line).collect();
    harness.queue(1, build(), &script);
    harness.ended().await;
    let server = Arc::clone(&harness.server);
    harness.stop().await;
    let logs = server.logs();
    let bytes: usize = logs.iter().map(|log| log.output.len()).sum();
    assert!(bytes <= MAX_JOB_LOG_BYTES, "{bytes}");
    assert!(logs.iter().any(|log| log.output == format!("{:0500}", 0)));
    assert_eq!(logs[logs.len() - 1].output, format!("{:0500}", 19_999));
    server.with(|inner| assert!(inner.updates.last().unwrap().logs_overflowed));
}

#[tokio::test]
async fn a_job_for_a_missing_provisioner_fails() {
    let harness = Harness::start(options());
    harness.queue_for(ProvisionerType::Terraform, 1, build(), &script());
    let failed = harness.failure().await;
    assert_eq!(failed.error, "this daemon has no terraform provisioner");
}

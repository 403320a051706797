use super::harness::{Harness, build_result, found};
use coder_core::{
    ErrorKind,
    id::ProvisionerKeyId,
    provisioner_job::{
        JobErrorCode, JobFilter, JobLog, JobStatus, LogLevel, LogSource, ProvisionerJob,
    },
    secret::Secret,
    service::{
        daemons::{DaemonIdentity, Daemons},
        jobs::{Claim, ImportResult, JobFailure, JobResult, JobUpdate, LEASE_SECONDS, Work},
    },
    store::{Page, conformance::fixture},
    template_version::TemplateVersionVariable,
    workspace_build::WorkspaceTransition,
};

fn line(output: &str) -> JobLog {
    JobLog {
        id: 0,
        created_at: fixture::at(0),
        source: LogSource::Provisioner,
        level: LogLevel::Info,
        stage: "Planning Infrastructure".to_owned(),
        output: output.to_owned(),
    }
}

async fn job(harness: &Harness, claim: Claim) -> ProvisionerJob {
    harness
        .write(async |tx| tx.provisioner_jobs().get(claim.job_id).await.expect("get"))
        .await
        .expect("a job")
}

#[tokio::test]
async fn a_lease_that_was_lost_writes_nothing() {
    let harness = Harness::new().await;
    let workspace = harness.create("dev").await;
    let (_, claim) = harness.acquire().await;
    let update = JobUpdate {
        state: Some(b"snapshot".to_vec()),
        ..JobUpdate::default()
    };
    harness.jobs.update(claim, &update).await.expect("updated");
    harness.advance(u64::try_from(LEASE_SECONDS).expect("positive") + 1);
    assert_eq!(harness.jobs.reap().await.expect("reaped"), [claim.job_id]);
    assert_eq!(job(&harness, claim).await.status(), JobStatus::Failed);

    let late = JobUpdate {
        state: Some(b"late".to_vec()),
        logs: vec![line("late")],
        ..JobUpdate::default()
    };
    let failure = JobFailure {
        state: Some(b"late".to_vec()),
        ..JobFailure::default()
    };
    let refused = [
        harness.jobs.update(claim, &late).await.map(drop),
        harness
            .jobs
            .complete(claim, &build_result("late", vec![found("token")]))
            .await,
        harness.jobs.fail(claim, &failure).await,
    ];
    for refused in refused {
        assert_eq!(
            refused.expect_err("fenced").kind(),
            ErrorKind::PreconditionFailed
        );
    }
    let build = harness.latest(&workspace).await;
    assert_eq!(harness.state_of(&build).await, b"snapshot");
    let (lines, active) = harness
        .builds
        .logs(&harness.ann(), build.id, 0, None, 0)
        .await
        .expect("logs");
    assert!(!active && lines.iter().all(|line| line.output != "late"));
    assert!(
        lines
            .iter()
            .any(|line| line.output.contains("has not been heard of"))
    );
    // And the workspace goes on from the snapshot.
    let next = harness.build(&workspace, WorkspaceTransition::Delete).await;
    assert_eq!(harness.state_of(&next).await, b"snapshot");
}

#[tokio::test]
async fn updates_keep_a_lease_and_silence_ends_it() {
    let harness = Harness::new().await;
    harness.create("dev").await;
    let (_, claim) = harness.acquire().await;
    for _ in 0..5 {
        harness.advance(25);
        harness
            .jobs
            .update(claim, &JobUpdate::default())
            .await
            .expect("kept");
        assert!(harness.jobs.reap().await.expect("reap").is_empty());
    }
    let waiting = harness.create("other").await;
    harness.advance(31);
    assert_eq!(harness.jobs.reap().await.expect("reap").len(), 1);
    harness.advance(30 * 60);
    let waiting = harness.latest(&waiting).await;
    assert_eq!(harness.jobs.reap().await.expect("reap"), [waiting.job_id]);
    assert!(harness.jobs.reap().await.expect("reap").is_empty());
}

#[tokio::test]
async fn a_canceled_job_that_is_given_up_counts_as_canceled() {
    let harness = Harness::new().await;
    let workspace = harness.create("dev").await;
    let (_, claim) = harness.acquire().await;
    let build = harness.latest(&workspace).await;
    harness
        .builds
        .cancel(&harness.ann(), build.id, None)
        .await
        .expect("asked");
    harness.advance(31);
    harness.jobs.reap().await.expect("reap");
    assert_eq!(job(&harness, claim).await.status(), JobStatus::Canceled);
}

#[tokio::test]
async fn a_cancel_and_a_claim_have_one_winner() {
    for cancel_first in [false, true] {
        let harness = Harness::new().await;
        let workspace = harness.create("dev").await;
        let build = harness.latest(&workspace).await;
        let ann = harness.ann();
        let cancel = harness.builds.cancel(&ann, build.id, None);
        let daemon = harness.daemon();
        let acquire = harness.jobs.acquire(&daemon);
        let (canceled, acquired) = if cancel_first {
            futures_util::future::join(cancel, acquire).await
        } else {
            let (acquired, canceled) = futures_util::future::join(acquire, cancel).await;
            (canceled, acquired)
        };
        canceled.expect("asked");
        let acquired = acquired.expect("acquire");
        let details = harness.builds.get(&ann, build.id).await.expect("seen");
        let expected = match acquired {
            Some(_) => JobStatus::Canceling,
            None => JobStatus::Canceled,
        };
        assert_eq!(details.job.job.status(), expected);
    }
}

#[tokio::test]
async fn logs_are_cleaned_and_bounded() {
    let harness = Harness::new().await;
    let workspace = harness.create("dev").await;
    let (_, claim) = harness.acquire().await;
    let logs = vec![line("a\u{1b}]52;c;x\u{7}b\0c"), line(&"x".repeat(10 << 20))];
    let update = JobUpdate {
        logs,
        ..JobUpdate::default()
    };
    harness.jobs.update(claim, &update).await.expect("updated");
    let flood = JobUpdate {
        logs: vec![line(&"y".repeat(60_000)); 20],
        ..JobUpdate::default()
    };
    harness.jobs.update(claim, &flood).await.expect("updated");
    let too_many = JobUpdate {
        logs: vec![line(""); 1_001],
        ..JobUpdate::default()
    };
    let refused = harness.jobs.update(claim, &too_many).await;
    assert_eq!(
        refused.expect_err("too many").kind(),
        ErrorKind::InvalidInput
    );
    let build = harness.latest(&workspace).await;
    let (lines, active) = harness
        .builds
        .logs(&harness.ann(), build.id, 0, None, 0)
        .await
        .expect("logs");
    assert!(active);
    assert_eq!(lines[0].output, "abc");
    assert!(lines.iter().map(|line| line.output.len()).sum::<usize>() <= 1_048_576);
    assert!(job(&harness, claim).await.logs_overflowed);
}

#[tokio::test]
async fn a_session_token_lives_from_start_to_stop() {
    let harness = Harness::new().await;
    let workspace = harness.create("dev").await;
    let tokens = async || {
        let owner = harness.world.user.id;
        harness
            .write(async |tx| tx.api_keys().list(owner).await.expect("keys"))
            .await
    };
    let (acquired, claim) = harness.acquire().await;
    let Work::Build(work) = acquired.work else {
        panic!("a build")
    };
    let token = work.session_token.clone().expect("a token");
    assert!(!format!("{work:?}").contains(token.expose()));
    let (id, hash) = coder_core::api_key::parse_token(token.expose()).expect("form");
    let kept = tokens().await;
    assert_eq!(
        (kept.len(), kept[0].id.as_str(), kept[0].secret_hash),
        (1, id, hash)
    );
    harness
        .jobs
        .complete(claim, &build_result("one", Vec::new()))
        .await
        .expect("completed");

    harness.build(&workspace, WorkspaceTransition::Start).await;
    harness.acquire().await;
    let renewed = tokens().await;
    assert!(renewed.len() == 1 && renewed[0].id != id);
    harness.advance(31);
    harness.jobs.reap().await.expect("reap");
    harness.build(&workspace, WorkspaceTransition::Stop).await;
    let (acquired, _) = harness.acquire().await;
    let Work::Build(work) = acquired.work else {
        panic!("a build")
    };
    assert!(work.session_token.is_none() && tokens().await.is_empty());
}

#[tokio::test]
async fn imports_store_variables_parameters_and_resources() {
    let harness = Harness::new().await;
    let version = harness.version(2, "v2").await;
    let (acquired, claim) = harness.acquire().await;
    assert!(matches!(acquired.work, Work::Import(_)));
    let variable = |name: &str, required, default: &str| TemplateVersionVariable {
        name: name.to_owned(),
        description: String::new(),
        kind: "string".to_owned(),
        value: Secret::default(),
        default_value: default.to_owned(),
        required,
        sensitive: false,
    };
    let update = JobUpdate {
        variables: Some(vec![variable("zone", false, "a")]),
        readme: Some("# Hello".to_owned()),
        ..JobUpdate::default()
    };
    let answer = harness.jobs.update(claim, &update).await.expect("updated");
    assert!(
        answer.variable_values.is_empty(),
        "defaults are Terraform's business"
    );
    let result = ImportResult {
        start_resources: vec![found(""), found("")],
        stop_resources: vec![found("")],
        ..ImportResult::default()
    };
    harness
        .jobs
        .complete(claim, &JobResult::Import(result))
        .await
        .expect("completed");
    harness
        .write(async |tx| {
            let stored = tx
                .template_versions()
                .get(version.id)
                .await
                .expect("get")
                .expect("there");
            assert_eq!(stored.readme, "# Hello");
            let variables = tx
                .template_versions()
                .variables(version.id)
                .await
                .expect("variables");
            assert_eq!(variables[0].value.expose(), "a");
            let resources = tx
                .workspace_resources()
                .by_jobs(&[claim.job_id])
                .await
                .expect("found");
            assert_eq!(resources.len(), 3);
        })
        .await;
}

#[tokio::test]
async fn an_import_without_a_required_value_fails_with_its_code() {
    let harness = Harness::new().await;
    harness.version(2, "v2").await;
    let (_, claim) = harness.acquire().await;
    let variable = TemplateVersionVariable {
        name: "region".to_owned(),
        description: String::new(),
        kind: "string".to_owned(),
        value: Secret::default(),
        default_value: String::new(),
        required: true,
        sensitive: false,
    };
    let update = JobUpdate {
        variables: Some(vec![variable]),
        ..JobUpdate::default()
    };
    let lost = harness.jobs.update(claim, &update).await;
    assert_eq!(
        lost.expect_err("over").kind(),
        ErrorKind::PreconditionFailed
    );
    let job = job(&harness, claim).await;
    assert_eq!(
        job.error_code,
        Some(JobErrorCode::RequiredTemplateVariables)
    );
    assert!(job.error.expect("why").contains("region"));
}

#[tokio::test]
async fn a_result_that_cannot_be_stored_keeps_its_state() {
    let harness = Harness::new().await;
    harness.running("one", "token").await;
    let second = harness.create("two").await;
    let (_, claim) = harness.acquire().await;
    // The token of another workspace's agent.
    let result = build_result("precious", vec![found("token")]);
    harness.jobs.complete(claim, &result).await.expect("closed");
    assert_eq!(job(&harness, claim).await.status(), JobStatus::Failed);
    let build = harness.latest(&second).await;
    assert_eq!(harness.state_of(&build).await, b"precious");
}

#[tokio::test]
async fn daemons_join_and_are_listed_with_their_jobs() {
    let harness = Harness::new().await;
    let daemons = Daemons::new(harness.deps.clone());
    let identity = DaemonIdentity {
        organization_id: harness.world.organization.id,
        key_id: ProvisionerKeyId::BUILT_IN,
        name: "one".to_owned(),
        version: "v1".to_owned(),
        api_version: "1.0".to_owned(),
        provisioners: harness.daemon().provisioners,
        tags: coder_core::provisioner_job::Tags::new(),
    };
    let joined = daemons.register(&identity).await.expect("joined");
    assert_eq!(
        daemons.register(&identity).await.expect("again").id,
        joined.id
    );
    harness.create("dev").await;
    let listed = daemons
        .list(&harness.ann(), joined.organization_id)
        .await
        .expect("listed");
    assert_eq!((listed.len(), listed[0].status.as_str()), (1, "idle"));
    harness
        .jobs
        .acquire(&joined)
        .await
        .expect("acquire")
        .expect("a job");
    let listed = daemons
        .list(&harness.ann(), joined.organization_id)
        .await
        .expect("listed");
    assert_eq!(listed[0].status.as_str(), "busy");
    let current = listed[0].current_job.as_ref().expect("a job");
    assert_eq!(
        current
            .subject
            .template
            .as_ref()
            .map(|one| one.name.as_str()),
        Some("docker")
    );
    harness.advance(91);
    let listed = daemons
        .list(&harness.ann(), joined.organization_id)
        .await
        .expect("listed");
    assert_eq!(listed[0].status.as_str(), "offline");
    let owner = harness.member(harness.world.user.id, &["owner"]);
    let filter = JobFilter::default();
    let list = async |subject| {
        harness
            .jobs
            .list(subject, joined.organization_id, &filter, Page::ALL)
            .await
    };
    assert!(list(&owner).await.expect("listed").len() >= 2);
    assert_eq!(
        list(&harness.ann()).await.expect_err("hidden").kind(),
        ErrorKind::NotFound
    );
}

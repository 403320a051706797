use super::harness::{Harness, build_result, value};
use coder_core::{
    ErrorKind,
    id::ProvisionerJobId,
    parameter::RichParameter,
    provisioner_job::JobStatus,
    service::{
        builds::NewBuild,
        jobs::{JobFailure, JobUpdate},
    },
    template::Template,
    template_version::TemplateVersionTerraformValues,
    workspace_build::{WorkspaceStatus, WorkspaceTransition},
    workspace_tags::WorkspaceTagExpressions,
};

#[tokio::test]
async fn one_build_is_active_and_the_next_begins_from_its_state() {
    let harness = Harness::new().await;
    let workspace = harness.create("dev").await;
    let stop = NewBuild::of(WorkspaceTransition::Stop);
    let busy = harness
        .builds
        .create(&harness.ann(), workspace.id, &stop)
        .await;
    assert_eq!(busy.expect_err("active").kind(), ErrorKind::Conflict);

    harness.finish("one", Vec::new()).await;
    let build = harness.build(&workspace, WorkspaceTransition::Stop).await;
    assert_eq!(
        (build.build_number, harness.state_of(&build).await),
        (2, b"one".to_vec())
    );

    let (acquired, claim) = harness.acquire().await;
    let running = harness
        .builds
        .create(&harness.ann(), workspace.id, &stop)
        .await;
    assert_eq!(running.expect_err("running").kind(), ErrorKind::Conflict);
    assert_eq!(acquired.job.id, build.job_id);
    harness
        .jobs
        .complete(claim, &build_result("two", Vec::new()))
        .await
        .expect("completed");
    let details = harness
        .builds
        .get(&harness.ann(), build.id)
        .await
        .expect("seen");
    assert_eq!(details.status(), WorkspaceStatus::Stopped);
}

#[tokio::test]
async fn a_delete_frees_the_name_and_hides_the_workspace() {
    let harness = Harness::new().await;
    let workspace = harness.running("dev", "token").await;
    harness.build(&workspace, WorkspaceTransition::Delete).await;
    harness.finish("", Vec::new()).await;
    let gone = harness
        .workspaces
        .get(&harness.ann(), workspace.id, false)
        .await;
    assert_eq!(gone.expect_err("deleted").kind(), ErrorKind::NotFound);
    assert!(
        harness
            .workspaces
            .get(&harness.ann(), workspace.id, true)
            .await
            .is_ok()
    );
    let stop = NewBuild::of(WorkspaceTransition::Stop);
    let refused = harness
        .builds
        .create(&harness.ann(), workspace.id, &stop)
        .await;
    assert_eq!(refused.expect_err("deleted").kind(), ErrorKind::NotFound);
    harness.create("dev").await;
}

#[tokio::test]
async fn others_see_nothing_and_administrators_may_only_look() {
    let harness = Harness::new().await;
    let workspace = harness.running("dev", "token").await;
    let build = harness.latest(&workspace).await;
    let (bob, subject) = harness.bob().await;
    let request = NewBuild::of(WorkspaceTransition::Stop);
    let kinds = [
        harness
            .builds
            .create(&subject, workspace.id, &request)
            .await
            .map(drop),
        harness.builds.get(&subject, build.id).await.map(drop),
        harness.builds.cancel(&subject, build.id, None).await,
        harness
            .builds
            .parameters(&subject, build.id)
            .await
            .map(drop),
        harness
            .builds
            .logs(&subject, build.id, 0, None, 0)
            .await
            .map(drop),
        harness.builds.state(&subject, build.id).await.map(drop),
        harness.builds.timings(&subject, build.id).await.map(drop),
        harness
            .workspaces
            .get(&subject, workspace.id, false)
            .await
            .map(drop),
        harness
            .workspaces
            .rename(&subject, workspace.id, "other")
            .await,
    ];
    for refused in kinds {
        assert_eq!(refused.expect_err("hidden").kind(), ErrorKind::NotFound);
    }
    let admin = harness.member(bob.id, &["template-admin"]);
    assert!(harness.builds.get(&admin, build.id).await.is_ok());
    assert!(harness.builds.state(&admin, build.id).await.is_ok());
    let refused = harness.builds.create(&admin, workspace.id, &request).await;
    assert_eq!(refused.expect_err("read only").kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn only_administrators_touch_the_state() {
    let harness = Harness::new().await;
    let workspace = harness.running("dev", "token").await;
    let ann = harness.ann();
    let own_state = NewBuild {
        state: Some(b"forged".to_vec()),
        ..NewBuild::of(WorkspaceTransition::Start)
    };
    let orphan = NewBuild {
        orphan: true,
        ..NewBuild::of(WorkspaceTransition::Delete)
    };
    let debug = NewBuild {
        debug_logs: true,
        ..NewBuild::of(WorkspaceTransition::Start)
    };
    for request in [&own_state, &orphan, &debug] {
        let refused = harness.builds.create(&ann, workspace.id, request).await;
        assert_eq!(
            refused.expect_err("privileged").kind(),
            ErrorKind::Forbidden
        );
    }
    let owner = harness.member(harness.world.user.id, &["owner"]);
    let wrong = NewBuild {
        orphan: true,
        ..NewBuild::of(WorkspaceTransition::Stop)
    };
    let refused = harness.builds.create(&owner, workspace.id, &wrong).await;
    assert_eq!(refused.expect_err("orphan").fields()[0].field, "orphan");
    // No daemon is alive, so the platform ends it itself.
    let build = harness
        .builds
        .create(&owner, workspace.id, &orphan)
        .await
        .expect("orphaned");
    assert!(harness.state_of(&build).await.is_empty());
    let details = harness
        .workspaces
        .get(&owner, workspace.id, true)
        .await
        .expect("kept");
    assert!(details.workspace().deleted);
    assert_eq!(details.latest_build.status(), WorkspaceStatus::Deleted);
}

#[tokio::test]
async fn an_orphaned_workspace_says_what_was_left_behind() {
    let harness = Harness::new().await;
    let workspace = harness.running("dev", "token").await;
    let owner = harness.member(harness.world.user.id, &["owner"]);
    let latest = harness.latest(&workspace).await;
    let state = serde_json::json!({ "version": 4, "resources": [{
        "mode": "managed", "type": "docker_volume", "name": "home",
        "instances": [{ "attributes": { "id": "vol-1" } }],
    }] });
    let state = state.to_string().into_bytes();
    let stored = harness.builds.set_state(&owner, latest.id, &state).await;
    stored.expect("stored");
    let orphan = NewBuild {
        orphan: true,
        ..NewBuild::of(WorkspaceTransition::Delete)
    };
    let build = harness.builds.create(&owner, workspace.id, &orphan).await;
    let build = build.expect("orphaned");
    let lines = harness
        .write(async |tx| tx.provisioner_jobs().logs(build.job_id, 0, None, 0).await)
        .await
        .expect("a log");
    let lines: Vec<_> = lines.iter().map(|line| line.output.as_str()).collect();
    assert_eq!(
        lines,
        ["Left behind, remove it by hand: docker_volume.home (id vol-1)"]
    );
}

#[tokio::test]
async fn parameters_are_kept_from_build_to_build() {
    let harness = Harness::new().await;
    let fixed = RichParameter {
        name: "region".to_owned(),
        required: true,
        ..RichParameter::default()
    };
    let size = RichParameter {
        name: "size".to_owned(),
        default_value: "small".to_owned(),
        mutable: true,
        ..RichParameter::default()
    };
    harness.set_parameters(&[fixed, size]).await;
    let mut request = harness.new_workspace("dev");
    let missing = harness.workspaces.create(&harness.ann(), &request).await;
    assert_eq!(missing.expect_err("required").fields()[0].field, "region");
    request.parameters = vec![value("region", "eu")];
    let workspace = harness
        .workspaces
        .create(&harness.ann(), &request)
        .await
        .expect("created");
    harness.finish("state", Vec::new()).await;

    let mut start = NewBuild::of(WorkspaceTransition::Start);
    start.parameters = vec![value("region", "us")];
    let changed = harness
        .builds
        .create(&harness.ann(), workspace.id, &start)
        .await;
    assert!(
        changed.expect_err("immutable").fields()[0]
            .detail
            .contains("immutable")
    );
    start.parameters = vec![value("size", "large")];
    let build = harness
        .builds
        .create(&harness.ann(), workspace.id, &start)
        .await
        .expect("queued");
    let (acquired, _) = harness.acquire().await;
    let coder_core::service::jobs::Work::Build(work) = acquired.work else {
        panic!("a build")
    };
    assert_eq!(
        work.parameters,
        [value("region", "eu"), value("size", "large")]
    );
    assert_eq!(
        work.previous_parameters,
        [value("region", "eu"), value("size", "small")]
    );
    let seen = harness
        .builds
        .parameters(&harness.ann(), build.id)
        .await
        .expect("seen");
    assert_eq!(seen, work.parameters);
}

#[tokio::test]
async fn versions_must_be_imported_and_belong_to_the_template() {
    let harness = Harness::new().await;
    let workspace = harness.running("dev", "token").await;
    let pending = harness.version(2, "v2").await;
    let mut request = NewBuild::of(WorkspaceTransition::Start);
    request.template_version_id = Some(pending.id);
    let refused = harness
        .builds
        .create(&harness.ann(), workspace.id, &request)
        .await;
    assert_eq!(refused.expect_err("importing").kind(), ErrorKind::NotReady);
    request.template_version_id = Some(coder_core::store::conformance::fixture::id(99));
    let refused = harness
        .builds
        .create(&harness.ann(), workspace.id, &request)
        .await;
    assert_eq!(
        refused.expect_err("absent").fields()[0].field,
        "template_version_id"
    );
}

#[tokio::test]
async fn cancels_end_pending_builds_at_once_and_running_ones_by_their_daemon() {
    let harness = Harness::new().await;
    let workspace = harness.create("dev").await;
    let ann = harness.ann();
    let build = harness.latest(&workspace).await;
    let wrong = harness
        .builds
        .cancel(&ann, build.id, Some(JobStatus::Running))
        .await;
    assert_eq!(
        wrong.expect_err("412").kind(),
        ErrorKind::PreconditionFailed
    );
    harness
        .builds
        .cancel(&ann, build.id, Some(JobStatus::Pending))
        .await
        .expect("canceled");
    let again = harness.builds.cancel(&ann, build.id, None).await;
    assert_eq!(again.expect_err("ended").kind(), ErrorKind::InvalidInput);
    assert!(
        harness
            .jobs
            .acquire(&harness.daemon())
            .await
            .expect("acquire")
            .is_none()
    );

    let build = harness.build(&workspace, WorkspaceTransition::Start).await;
    let (_, claim) = harness.acquire().await;
    harness
        .builds
        .cancel(&ann, build.id, None)
        .await
        .expect("asked");
    let answer = harness
        .jobs
        .update(claim, &JobUpdate::default())
        .await
        .expect("updated");
    assert!(answer.canceled);
    let failure = JobFailure {
        error: "canceled".to_owned(),
        canceled: true,
        state: Some(b"partial".to_vec()),
        ..JobFailure::default()
    };
    harness.jobs.fail(claim, &failure).await.expect("failed");
    let details = harness.builds.get(&ann, build.id).await.expect("seen");
    assert_eq!(details.status(), WorkspaceStatus::Canceled);
    assert_eq!(harness.state_of(&build).await, b"partial");
    harness.build(&workspace, WorkspaceTransition::Delete).await;
}

#[tokio::test]
async fn templates_may_keep_users_from_canceling_running_builds() {
    let harness = Harness::new().await;
    let mut template: Template = harness.world.template.clone();
    template.policy.allow_user_cancel_workspace_jobs = false;
    harness
        .write(async |tx| tx.templates().update(&template).await.expect("updated"))
        .await;
    let workspace = harness.create("dev").await;
    let build = harness.latest(&workspace).await;
    harness.acquire().await;
    let refused = harness.builds.cancel(&harness.ann(), build.id, None).await;
    assert_eq!(
        refused.expect_err("not permitted").kind(),
        ErrorKind::Forbidden
    );
    let owner = harness.member(harness.world.user.id, &["owner"]);
    harness
        .builds
        .cancel(&owner, build.id, None)
        .await
        .expect("asked");
}

#[tokio::test]
async fn two_at_once_make_one_build() {
    let harness = Harness::new().await;
    let workspace = harness.running("dev", "token").await;
    let ann = harness.ann();
    let request = NewBuild::of(WorkspaceTransition::Stop);
    let attempts = (0..8).map(|_| harness.builds.create(&ann, workspace.id, &request));
    let answers = futures_util::future::join_all(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let conflicts = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(
        conflicts.clone().count() == 7
            && conflicts
                .into_iter()
                .all(|e| e.kind() == ErrorKind::Conflict)
    );
}

#[tokio::test]
async fn a_stop_and_a_delete_need_no_tags_that_can_be_evaluated() {
    let harness = Harness::new().await;
    let set_tag = async |text: &str| {
        let values = TemplateVersionTerraformValues {
            workspace_tags: WorkspaceTagExpressions {
                tags: [("zone".to_owned(), text.to_owned())].into(),
                ..WorkspaceTagExpressions::default()
            },
            ..TemplateVersionTerraformValues::default()
        };
        let version = harness.world.version.id;
        harness
            .write(async |tx| {
                let versions = tx.template_versions();
                versions.set_terraform_values(version, &values).await
            })
            .await
            .expect("values");
    };
    let tag = async |job: ProvisionerJobId| {
        let job = harness.write(async |tx| tx.provisioner_jobs().get(job).await);
        let job = job.await.expect("read").expect("a job");
        assert_eq!(job.tags["scope"], "organization");
        job.tags.get("zone").cloned()
    };
    set_tag("\"eu\"").await;
    let workspace = harness.create("dev").await;
    let job = harness.latest(&workspace).await.job_id;
    assert_eq!(tag(job).await.as_deref(), Some("eu"));
    let cancel = harness.latest(&workspace).await.id;
    harness
        .builds
        .cancel(&harness.ann(), cancel, None)
        .await
        .expect("canceled");

    set_tag("var.gone").await;
    let start = NewBuild::of(WorkspaceTransition::Start);
    let refused = harness
        .builds
        .create(&harness.ann(), workspace.id, &start)
        .await;
    assert_eq!(refused.expect_err("no tag").kind(), ErrorKind::InvalidInput);
    for transition in [WorkspaceTransition::Stop, WorkspaceTransition::Delete] {
        let build = harness.build(&workspace, transition).await;
        assert_eq!(tag(build.job_id).await.as_deref(), Some("eu"));
        let canceled = harness.builds.cancel(&harness.ann(), build.id, None).await;
        canceled.expect("canceled");
    }
}

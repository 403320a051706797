use super::harness::Harness;
use coder_core::{
    ErrorKind,
    id::TemplateId,
    service::workspaces::{MAX_TTL_MS, NewWorkspace},
    store::{Page, conformance::fixture},
    workspace::WorkspaceFilter,
};

#[tokio::test]
async fn names_are_checked_and_unique_per_owner() {
    let harness = Harness::new().await;
    harness.create("dev").await;
    for (name, kind) in [
        ("dev", ErrorKind::Conflict),
        ("DEV", ErrorKind::Conflict),
        ("no_good", ErrorKind::InvalidInput),
        ("", ErrorKind::InvalidInput),
        ("new", ErrorKind::InvalidInput),
        ("a\0b", ErrorKind::InvalidInput),
    ] {
        let request = harness.new_workspace(name);
        let error = harness
            .workspaces
            .create(&harness.ann(), &request)
            .await
            .expect_err(name);
        assert_eq!(
            (error.kind(), error.fields()[0].field.as_str()),
            (kind, "name"),
            "{name}"
        );
    }
    let other = harness.create("other").await;
    let taken = harness
        .workspaces
        .rename(&harness.ann(), other.id, "dev")
        .await;
    assert_eq!(taken.expect_err("taken").fields()[0].field, "name");
}

#[tokio::test]
async fn templates_must_be_there_and_exactly_one() {
    let harness = Harness::new().await;
    let base = harness.new_workspace("dev");
    let absent: TemplateId = fixture::id(99);
    let version = Some(harness.world.version.id);
    for request in [
        NewWorkspace {
            template_id: Some(absent),
            ..base.clone()
        },
        NewWorkspace {
            template_id: None,
            ..base.clone()
        },
        NewWorkspace {
            template_version_id: version,
            ..base.clone()
        },
        NewWorkspace {
            organization_id: Some(fixture::id(98)),
            ..base.clone()
        },
    ] {
        let error = harness
            .workspaces
            .create(&harness.ann(), &request)
            .await
            .expect_err("refused");
        assert_eq!(error.fields()[0].field, "template_id");
    }
    let by_version = NewWorkspace {
        template_id: None,
        template_version_id: version,
        ..base
    };
    harness
        .workspaces
        .create(&harness.ann(), &by_version)
        .await
        .expect("created");
}

#[tokio::test]
async fn nobody_creates_for_others_without_permission() {
    let harness = Harness::new().await;
    let (bob, subject) = harness.bob().await;
    let request = harness.new_workspace("dev");
    let refused = harness.workspaces.create(&subject, &request).await;
    assert_eq!(refused.expect_err("hidden").kind(), ErrorKind::NotFound);
    let owner = harness.member(bob.id, &["owner"]);
    let created = harness
        .workspaces
        .create(&owner, &request)
        .await
        .expect("created");
    assert_eq!(created.owner_id, harness.world.user.id);
    let stranger = fixture::user(3, "eve");
    harness
        .write(async |tx| tx.users().insert(&stranger).await.expect("user"))
        .await;
    let request = NewWorkspace {
        owner_id: stranger.id,
        ..harness.new_workspace("x")
    };
    let refused = harness.workspaces.create(&owner, &request).await;
    assert_eq!(
        refused.expect_err("not a member").kind(),
        ErrorKind::InvalidInput
    );
}

#[tokio::test]
async fn lists_hold_what_the_caller_may_read() {
    let harness = Harness::new().await;
    harness.create("one").await;
    harness.create("two").await;
    let (bob, subject) = harness.bob().await;
    let request = NewWorkspace {
        owner_id: bob.id,
        ..harness.new_workspace("three")
    };
    harness
        .workspaces
        .create(&subject, &request)
        .await
        .expect("created");
    let filter = WorkspaceFilter::default();
    let count = async |subject: &_, filter: &_| {
        let (found, count) = harness
            .workspaces
            .list(subject, filter, Page::ALL)
            .await
            .expect("list");
        assert_eq!(found.len() as u64, count);
        count
    };
    assert_eq!(count(&harness.ann(), &filter).await, 2);
    assert_eq!(count(&subject, &filter).await, 1);
    assert_eq!(count(&harness.member(bob.id, &["owner"]), &filter).await, 3);
    let of_ann = WorkspaceFilter {
        owner_id: Some(harness.world.user.id),
        ..filter.clone()
    };
    assert_eq!(count(&subject, &of_ann).await, 0);
    // A token that may do something else entirely sees nothing.
    let narrow = harness.ann().with_scopes(vec!["template:read".to_owned()]);
    assert_eq!(count(&narrow, &filter).await, 0);
    let mut local = harness.member(bob.id, &[]);
    local.organizations.insert(
        harness.world.organization.id,
        vec!["organization-admin".to_owned()],
    );
    assert_eq!(count(&local, &filter).await, 3);
    local.organizations.insert(fixture::id(50), Vec::new());
    assert_eq!(count(&local, &filter).await, 3);
}

#[tokio::test]
async fn times_are_kept_and_deadlines_follow() {
    let harness = Harness::new().await;
    let request = NewWorkspace {
        ttl_ms: Some(3_600_000),
        ..harness.new_workspace("dev")
    };
    let workspace = harness
        .workspaces
        .create(&harness.ann(), &request)
        .await
        .expect("created");
    harness.finish("state", Vec::new()).await;
    let build = harness.latest(&workspace).await;
    assert_eq!(
        build.deadline,
        Some(harness.now() + chrono::TimeDelta::hours(1))
    );

    let ann = harness.ann();
    let soon = harness.now() + chrono::TimeDelta::minutes(10);
    let refused = harness.workspaces.extend(&ann, workspace.id, soon).await;
    assert_eq!(refused.expect_err("too soon").fields()[0].field, "deadline");
    let later = harness.now() + chrono::TimeDelta::hours(2);
    harness
        .workspaces
        .extend(&ann, workspace.id, later)
        .await
        .expect("extended");
    assert_eq!(harness.latest(&workspace).await.deadline, Some(later));
    let refused = harness
        .workspaces
        .set_ttl(&ann, workspace.id, Some(MAX_TTL_MS + 1))
        .await;
    assert_eq!(refused.expect_err("too long").fields()[0].field, "ttl_ms");
}

//! Builds, their parameters and state.

use super::{
    World,
    backend::{Backend, Outcome, assert_conflict, assert_same},
    fixture::{self, at, id},
};
use crate::{
    parameter::ParameterValue,
    provisioner_job::JobInput,
    store::Page,
    workspace_build::{BuildReason, WorkspaceBuild, WorkspaceTransition},
};

const START: WorkspaceTransition = WorkspaceTransition::Start;

/// What was inserted is found by id, job and number, whole; nothing else is.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let one = world.add_build(&mut *tx, 11, &dev, 1, START).await?;
    let job = world.add_job(&mut *tx, 12).await?;
    let two = WorkspaceBuild {
        transition: WorkspaceTransition::Delete,
        deadline: None,
        max_deadline: Some(at(5_000)),
        reason: BuildReason::Autostop,
        updated_at: at(999),
        ..fixture::build(&dev, &job, world.version.id, 2)
    };
    tx.workspace_builds().insert(&two, &[], b"").await?;
    let builds = tx.workspace_builds();
    assert_eq!(builds.get(one.id).await?, Some(one.clone()));
    assert_eq!(builds.get(two.id).await?, Some(two.clone()));
    assert_eq!(builds.get(id(9)).await?, None);
    assert_eq!(builds.by_job(one.job_id).await?, Some(one.clone()));
    assert_eq!(builds.by_job(id(9)).await?, None);
    assert_eq!(builds.by_number(dev.id, 2).await?, Some(two.clone()));
    assert_eq!(builds.by_number(dev.id, 3).await?, None);
    assert_eq!(builds.by_number(id(9), 1).await?, None);
    let found = builds.by_jobs(&[id(12), id(9), id(11), id(12)]).await?;
    assert_same(found.iter().map(|row| row.id), [one.id, two.id]);
    assert!(builds.by_jobs(&[]).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// Numbers are unique per workspace.
pub async fn conflicts(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let other = world.add_workspace(&mut *tx, 2, "other").await?;
    world.add_build(&mut *tx, 11, &dev, 1, START).await?;
    world.add_build(&mut *tx, 21, &other, 1, START).await?;
    let result = world.add_build(&mut *tx, 12, &dev, 1, START).await;
    assert_conflict(result, "workspace_builds_workspace_id_build_number_key");
    tx.rollback().await?;
    Ok(())
}

/// The newest build has the highest number; lists begin with it.
pub async fn latest_and_list(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let other = world.add_workspace(&mut *tx, 2, "other").await?;
    let empty = world.add_workspace(&mut *tx, 3, "empty").await?;
    for build_number in [2_i32, 1, 10, 9] {
        let number = 10 + u128::from(build_number.unsigned_abs());
        world
            .add_build(&mut *tx, number, &dev, build_number, START)
            .await?;
    }
    let single = world.add_build(&mut *tx, 30, &other, 1, START).await?;
    let builds = tx.workspace_builds();
    let latest = builds.latest(dev.id).await?;
    assert_eq!(latest.map(|row| row.build_number), Some(10));
    assert_eq!(builds.latest(empty.id).await?, None);
    let all = [dev.id, other.id, empty.id, id(9), dev.id];
    let found = builds.latest_many(&all).await?;
    assert_same(found.iter().map(|row| row.id), [id(20), single.id]);

    let cases: [(Option<i64>, u32, u32, &[i32]); 5] = [
        (None, 0, 0, &[10, 9, 2, 1]),
        (None, 1, 2, &[9, 2]),
        (None, 3, 9, &[1]),
        // A build is made 200 seconds and its number after the begin.
        (Some(202), 0, 0, &[10, 9]),
        (Some(210), 0, 0, &[]),
    ];
    for (since, offset, limit, expected) in cases {
        let page = Page { offset, limit };
        let found = builds.list(dev.id, since.map(at), page).await?;
        let numbers: Vec<i32> = found.iter().map(|row| row.build_number).collect();
        assert_eq!(numbers, expected);
    }
    tx.rollback().await?;
    Ok(())
}

/// An update replaces deadlines, cost and its own time.
pub async fn update(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let old = world.add_build(&mut *tx, 11, &dev, 1, START).await?;
    let new = WorkspaceBuild {
        deadline: None,
        max_deadline: Some(at(7_000)),
        daily_cost: 99,
        updated_at: at(800),
        ..old.clone()
    };
    let given = WorkspaceBuild {
        build_number: 5,
        transition: WorkspaceTransition::Stop,
        reason: BuildReason::Dormancy,
        created_at: at(801),
        ..new.clone()
    };
    tx.workspace_builds().update(&given).await?;
    assert_eq!(tx.workspace_builds().get(old.id).await?, Some(new));
    let absent = WorkspaceBuild { id: id(9), ..given };
    tx.workspace_builds().update(&absent).await?;
    assert_eq!(tx.workspace_builds().get(id(9)).await?, None);
    tx.rollback().await?;
    Ok(())
}

/// A deadline moves later only, and one that is not there does not come to be.
pub async fn bump_deadline(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let build = world.add_build(&mut *tx, 11, &dev, 1, START).await?;
    let endless = world.add_build(&mut *tx, 12, &dev, 2, START).await?;
    let with = |deadline| WorkspaceBuild {
        deadline,
        ..build.clone()
    };
    let endless = WorkspaceBuild {
        deadline: None,
        ..endless
    };
    let builds = tx.workspace_builds();
    builds.update(&with(Some(at(5_000)))).await?;
    builds.update(&endless).await?;
    assert!(!builds.bump_deadline(build.id, at(5_000), at(900)).await?);
    assert!(!builds.bump_deadline(build.id, at(4_000), at(900)).await?);
    assert_eq!(builds.get(build.id).await?, Some(with(Some(at(5_000)))));
    assert!(builds.bump_deadline(build.id, at(6_000), at(900)).await?);
    let moved = WorkspaceBuild {
        updated_at: at(900),
        ..with(Some(at(6_000)))
    };
    assert_eq!(builds.get(build.id).await?, Some(moved));
    assert!(!builds.bump_deadline(endless.id, at(6_000), at(900)).await?);
    assert_eq!(builds.get(endless.id).await?, Some(endless));
    assert!(!builds.bump_deadline(id(9), at(6_000), at(900)).await?);
    tx.rollback().await?;
    Ok(())
}

/// Parameters come by name, the state byte by byte; a new state replaces the old one.
pub async fn parameters_and_state(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let input = JobInput::WorkspaceBuild {
        workspace_build_id: id(11),
        debug_logs: true,
    };
    let job = fixture::job(11, &world.file, world.organization.id, input);
    tx.provisioner_jobs().insert(&job).await?;
    let build = fixture::build(&dev, &job, world.version.id, 1);
    let value = |name: &str, value: &str| ParameterValue {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let given = [value("b", "2"), value("a", ""), value("C", "ä\n")];
    let bytes: Vec<u8> = (0..=255).collect();
    tx.workspace_builds().insert(&build, &given, &bytes).await?;
    world.add_build(&mut *tx, 12, &dev, 2, START).await?;

    let found = tx.workspace_builds().parameters(build.id).await?;
    assert_eq!(found, [value("C", "ä\n"), value("a", ""), value("b", "2")]);
    assert!(tx.workspace_builds().parameters(id(12)).await?.is_empty());
    assert!(tx.workspace_builds().parameters(id(9)).await?.is_empty());
    assert_eq!(tx.workspace_builds().state(build.id).await?, bytes);
    assert!(tx.workspace_builds().state(id(12)).await?.is_empty());
    assert!(tx.workspace_builds().state(id(9)).await?.is_empty());
    tx.workspace_builds().set_state(build.id, b"{}").await?;
    tx.workspace_builds().set_state(id(9), b"{}").await?;
    assert_eq!(tx.workspace_builds().state(build.id).await?, b"{}");
    assert!(tx.workspace_builds().state(id(12)).await?.is_empty());
    assert!(tx.workspace_builds().state(id(9)).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

//! Lists of workspaces.

use super::{
    World,
    backend::{Backend, Failure, Outcome, assert_texts},
    finish,
    fixture::{self, at, id},
    start,
};
use crate::{
    id::UserId,
    store::{Page, Transaction},
    template::Template,
    user::User,
    workspace::{AgentFilter, Workspace, WorkspaceFilter},
    workspace_agent::{AgentStatus, WorkspaceAgent},
    workspace_build::{WorkspaceStatus, WorkspaceTransition},
};

/// Favourites of who asks come first, then what runs, then by owner and name; deleted ones never.
pub async fn order_and_pages(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let bob = fixture::user(2, "Bob");
    tx.users().insert(&bob).await?;
    let template = &world.template;
    let rows: [(u128, &User, &str); 6] = [
        (1, &world.user, "b1"),
        (2, &world.user, "B-2"),
        (3, &world.user, "z-favorite"),
        (4, &bob, "a-favorite"),
        (5, &bob, "running"),
        (6, &world.user, "gone"),
    ];
    for (number, owner, name) in rows {
        let mut row = fixture::workspace(number, owner, template, name);
        row.favorite = name.ends_with("favorite");
        row.deleted = name == "gone";
        tx.workspaces().insert(&row).await?;
        if name == "running" {
            let transition = WorkspaceTransition::Start;
            let build = world.add_build(&mut *tx, 50, &row, 1, transition).await?;
            start(&mut *tx, &world, build.job_id).await?;
            finish(&mut *tx, build.job_id, None).await?;
        }
    }
    let of_ann: &[&str] = &["z-favorite", "running", "B-2", "b1", "a-favorite"];
    let of_bob: &[&str] = &["a-favorite", "running", "B-2", "b1", "z-favorite"];
    let of_nobody: &[&str] = &["running", "B-2", "b1", "z-favorite", "a-favorite"];
    let pages: [(UserId, u32, u32, &[&str]); 6] = [
        (world.user.id, 0, 0, of_ann),
        (bob.id, 0, 0, of_bob),
        (id(9), 0, 0, of_nobody),
        (world.user.id, 0, 2, &["z-favorite", "running"]),
        (world.user.id, 3, 5, &["b1", "a-favorite"]),
        (world.user.id, 7, 5, &[]),
    ];
    for (requester, offset, limit, expected) in pages {
        let filter = WorkspaceFilter::default();
        let page = Page { offset, limit };
        let (found, count) = tx.workspaces().list(&filter, requester, page).await?;
        assert_texts(&found, |row| &row.name, expected);
        assert_eq!(count, 5);
    }
    tx.rollback().await?;
    Ok(())
}

/// The fields about whose, what and where.
pub async fn filters_by_identity(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let (bob, other) = (fixture::user(2, "bob"), fixture::organization(2, "other"));
    tx.users().insert(&bob).await?;
    tx.organizations().insert(&other).await?;
    let elsewhere = World {
        organization: other,
        ..world.clone()
    };
    let second = elsewhere.add_template(&mut *tx, 2, "podman").await?;
    let rows: [(u128, &User, &Template, &str); 3] = [
        (1, &world.user, &world.template, "dev"),
        (2, &world.user, &second, "Dev_2"),
        (3, &bob, &world.template, "dev"),
    ];
    for (number, owner, template, name) in rows {
        let row = fixture::workspace(number, owner, template, name);
        tx.workspaces().insert(&row).await?;
    }
    let cases: [(Change, &[u128]); 15] = [
        (|_| {}, &[1, 2, 3]),
        (|f| f.ids = vec![id(3), id(9), id(1)], &[1, 3]),
        (|f| f.owner_id = Some(id(2)), &[3]),
        (|f| f.owner_username = text("ANN"), &[1, 2]),
        (|f| f.owner_username = text("an"), &[]),
        (|f| f.name = text("EV"), &[1, 2, 3]),
        (|f| f.name = text("v_"), &[2]),
        (|f| f.name = text("%"), &[]),
        (|f| f.exact_name = text("DEV"), &[1, 3]),
        (|f| f.exact_name = text("dev_2"), &[2]),
        (|f| f.template_name = text("Podman"), &[2]),
        (|f| f.template_name = text("pod"), &[]),
        (|f| f.template_ids = vec![id(1), id(9)], &[1, 3]),
        (|f| f.organization_id = Some(id(2)), &[2]),
        (
            |f| (f.owner_id, f.exact_name) = (Some(id(1)), text("dev")),
            &[1],
        ),
    ];
    assert_all_found(&mut *tx, &cases).await?;
    tx.rollback().await?;
    Ok(())
}

/// The fields about times and versions.
pub async fn filters_by_use(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let version = world.add_version(&mut *tx, 2, "v2").await?;
    for number in 1..=3 {
        let name = format!("w{number}");
        let row = fixture::workspace(number, &world.user, &world.template, &name);
        let row = Workspace {
            last_used_at: at(if number == 1 { 100 } else { 200 }),
            dormant_at: (number == 2).then(|| at(300)),
            ..row
        };
        tx.workspaces().insert(&row).await?;
    }
    // Number 1 goes from the active version to another, 2 the other way, 3 has no build.
    let transition = WorkspaceTransition::Start;
    let other = World {
        version,
        ..world.clone()
    };
    let (one, two) = (row(&mut *tx, 1).await?, row(&mut *tx, 2).await?);
    world.add_build(&mut *tx, 11, &one, 1, transition).await?;
    other.add_build(&mut *tx, 12, &one, 2, transition).await?;
    other.add_build(&mut *tx, 21, &two, 1, transition).await?;
    world.add_build(&mut *tx, 22, &two, 2, transition).await?;

    let cases: [(Change, &[u128]); 8] = [
        (|f| f.dormant = Some(true), &[2]),
        (|f| f.dormant = Some(false), &[1, 3]),
        (|f| f.outdated = Some(true), &[1]),
        (|f| f.outdated = Some(false), &[2]),
        (|f| f.last_used_after = Some(at(100)), &[2, 3]),
        (|f| f.last_used_after = Some(at(99)), &[1, 2, 3]),
        (|f| f.last_used_before = Some(at(200)), &[1]),
        (
            |f| (f.last_used_before, f.dormant) = (Some(at(201)), Some(true)),
            &[2],
        ),
    ];
    assert_all_found(&mut *tx, &cases).await?;
    tx.rollback().await?;
    Ok(())
}

/// Every state that a newest build can put a workspace in; earlier builds do not matter.
pub async fn filters_by_status(backend: Backend) -> Outcome {
    use WorkspaceStatus as Status;
    use WorkspaceTransition::{Delete, Start, Stop};
    let world = World::create(&backend).await?;
    let expected = [
        (Status::Running, Start),
        (Status::Stopped, Stop),
        (Status::Deleted, Delete),
        (Status::Failed, Start),
        (Status::Canceled, Stop),
        (Status::Canceling, Start),
        (Status::Starting, Start),
        (Status::Stopping, Stop),
        (Status::Deleting, Delete),
        (Status::Pending, Start),
    ];
    let mut tx = backend.begin().await?;
    for (number, (status, transition)) in (1..).zip(expected) {
        let row = world
            .add_workspace(&mut *tx, number, &format!("w{number}"))
            .await?;
        let earlier = world
            .add_build(&mut *tx, number + 100, &row, 1, Stop)
            .await?;
        finish(&mut *tx, earlier.job_id, Some("it failed")).await?;
        let build = world
            .add_build(&mut *tx, number + 200, &row, 2, transition)
            .await?;
        let job = build.job_id;
        if status == Status::Pending {
            continue;
        }
        start(&mut *tx, &world, job).await?;
        if matches!(status, Status::Canceled | Status::Canceling) {
            tx.provisioner_jobs().cancel(job, at(350)).await?;
        }
        match status {
            Status::Failed => finish(&mut *tx, job, Some("no space")).await?,
            Status::Running | Status::Stopped | Status::Deleted | Status::Canceled => {
                finish(&mut *tx, job, None).await?
            }
            _ => true,
        };
    }
    world.add_workspace(&mut *tx, 99, "without-build").await?;
    for (number, (status, _)) in (1..).zip(expected) {
        let filter = WorkspaceFilter {
            status: Some(status),
            ..WorkspaceFilter::default()
        };
        let only: [u128; 1] = [number];
        // A deleted state is only of the build here: the row itself is still listed.
        assert_found(&mut *tx, &filter, &only).await?;
    }
    tx.rollback().await?;
    Ok(())
}

/// Every state of an agent of the newest build; deleted agents and those of earlier builds do not count.
pub async fn filters_by_agent(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let silent = |agent: WorkspaceAgent| agent;
    add_with_agent(&mut *tx, &world, 1, silent).await?;
    add_with_agent(&mut *tx, &world, 2, |agent| seen(agent, 600, None)).await?;
    add_with_agent(&mut *tx, &world, 3, |agent| seen(agent, 500, None)).await?;
    add_with_agent(&mut *tx, &world, 4, |agent| seen(agent, 600, Some(600))).await?;
    add_with_agent(&mut *tx, &world, 5, |agent| seen(agent, 600, Some(599))).await?;
    add_with_agent(&mut *tx, &world, 6, |agent| WorkspaceAgent {
        connection_timeout_seconds: 0,
        ..agent
    })
    .await?;
    add_with_agent(&mut *tx, &world, 7, |agent| WorkspaceAgent {
        created_at: at(550),
        ..agent
    })
    .await?;
    // Connected, but of an earlier build or deleted.
    let row = add_with_agent(&mut *tx, &world, 8, |agent| seen(agent, 600, None)).await?;
    world
        .add_build(&mut *tx, 80, &row, 2, WorkspaceTransition::Stop)
        .await?;
    add_with_agent(&mut *tx, &world, 9, |agent| WorkspaceAgent {
        deleted: true,
        ..seen(agent, 600, None)
    })
    .await?;
    world.add_workspace(&mut *tx, 10, "without-build").await?;

    let cases: [(AgentStatus, &[u128]); 4] = [
        (AgentStatus::Timeout, &[1]),
        (AgentStatus::Connected, &[2, 5]),
        (AgentStatus::Disconnected, &[3, 4]),
        (AgentStatus::Connecting, &[6, 7]),
    ];
    for (status, expected) in cases {
        let has_agent = AgentFilter {
            status,
            now: at(610),
            inactive_after_ms: 60_000,
        };
        let filter = WorkspaceFilter {
            has_agent: Some(has_agent),
            ..WorkspaceFilter::default()
        };
        assert_found(&mut *tx, &filter, expected).await?;
    }
    tx.rollback().await?;
    Ok(())
}

fn seen(agent: WorkspaceAgent, last: i64, ended: Option<i64>) -> WorkspaceAgent {
    WorkspaceAgent {
        first_connected_at: Some(at(400)),
        last_connected_at: Some(at(last)),
        disconnected_at: ended.map(at),
        ..agent
    }
}

async fn add_with_agent(
    tx: &mut dyn Transaction,
    world: &World,
    number: u128,
    change: impl FnOnce(WorkspaceAgent) -> WorkspaceAgent,
) -> Result<Workspace, Failure> {
    let row = world
        .add_workspace(tx, number, &format!("w{number}"))
        .await?;
    let transition = WorkspaceTransition::Start;
    let build = world
        .add_build(tx, number + 100, &row, 1, transition)
        .await?;
    let resource = fixture::resource(number, build.job_id, "main");
    let agent = change(fixture::agent(number, &resource, "main"));
    tx.workspace_resources().insert(&[resource]).await?;
    tx.workspace_agents().insert(&[agent]).await?;
    Ok(row)
}

type Change = fn(&mut WorkspaceFilter);

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

async fn assert_all_found(tx: &mut dyn Transaction, cases: &[(Change, &[u128])]) -> Outcome {
    for (change, expected) in cases {
        let mut filter = WorkspaceFilter::default();
        change(&mut filter);
        assert_found(tx, &filter, expected).await?;
    }
    Ok(())
}

async fn row(tx: &mut dyn Transaction, number: u128) -> Result<Workspace, Failure> {
    Ok(super::present(tx.workspaces().get(id(number)).await?)?)
}

/// Checks which workspaces are listed, and that the count says the same.
async fn assert_found(
    tx: &mut dyn Transaction,
    filter: &WorkspaceFilter,
    expected: &[u128],
) -> Outcome {
    let (found, count) = tx.workspaces().list(filter, id(9), Page::ALL).await?;
    let mut numbers: Vec<u128> = found.iter().map(|row| row.id.0.as_u128()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, expected, "{filter:?}");
    assert_eq!(count, expected.len() as u64, "{filter:?}");
    Ok(())
}

//! Agents that are known by their machine.

use super::{
    World,
    backend::{Backend, Outcome, assert_conflict, assert_texts},
    fixture::{self, at, id},
};
use crate::{
    instance_identity::InstanceIdentityUse,
    secret::TokenHash,
    store::{AgentOwner, StoreResult, Transaction},
    workspace::Workspace,
    workspace_agent::{AgentAuth, WorkspaceAgent},
    workspace_build::WorkspaceTransition,
};

const START: WorkspaceTransition = WorkspaceTransition::Start;
const MACHINE: &str = "i-0123";

/// An agent of a machine in a build of its own.
async fn add(
    tx: &mut dyn Transaction,
    world: &World,
    number: u128,
    workspace: &Workspace,
    name: &str,
) -> StoreResult<AgentOwner> {
    add_to_build(tx, world, number, (workspace, 1), name).await
}

/// The same in a build with this number.
async fn add_to_build(
    tx: &mut dyn Transaction,
    world: &World,
    number: u128,
    (workspace, build_number): (&Workspace, i32),
    name: &str,
) -> StoreResult<AgentOwner> {
    let build = world
        .add_build(tx, number, workspace, build_number, START)
        .await?;
    let resource = fixture::resource(number, build.job_id, "main");
    let agent = WorkspaceAgent {
        auth: AgentAuth::InstanceId(MACHINE.to_owned()),
        ..fixture::agent(number, &resource, name)
    };
    tx.workspace_resources().insert(&[resource]).await?;
    tx.workspace_agents()
        .insert(std::slice::from_ref(&agent))
        .await?;
    Ok(AgentOwner {
        agent,
        build,
        workspace: workspace.clone(),
    })
}

/// Agents of builds are found, planned and deleted ones and those of deleted workspaces are not.
pub async fn by_instance_id(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let other = world.add_workspace(&mut *tx, 2, "other").await?;
    let first = add(&mut *tx, &world, 11, &dev, "b").await?;
    add(&mut *tx, &world, 12, &other, "a").await?;
    let resource = fixture::resource(30, world.version.job_id, "main");
    let machine = AgentAuth::InstanceId(MACHINE.to_owned());
    let planned = WorkspaceAgent {
        auth: machine.clone(),
        ..fixture::agent(30, &resource, "planned")
    };
    let resource_of_build = fixture::resource(40, first.build.job_id, "main");
    let deleted = WorkspaceAgent {
        auth: machine,
        deleted: true,
        ..fixture::agent(40, &resource_of_build, "deleted")
    };
    let nameless = WorkspaceAgent {
        auth: AgentAuth::InstanceId(String::new()),
        ..fixture::agent(41, &resource_of_build, "nameless")
    };
    tx.workspace_resources()
        .insert(&[resource, resource_of_build])
        .await?;
    tx.workspace_agents()
        .insert(&[planned, deleted, nameless])
        .await?;

    let found = tx.agent_identities().by_instance_id(MACHINE).await?;
    assert_texts(&found, |owner| &owner.agent.name, &["a", "b"]);
    assert_eq!(found.last(), Some(&first));
    for unknown in ["", "i-0124", "I-0123", "i-0"] {
        let found = tx.agent_identities().by_instance_id(unknown).await?;
        assert!(found.is_empty(), "{unknown}");
    }
    let gone = Workspace {
        deleted: true,
        ..other
    };
    tx.workspaces().update(&gone).await?;
    let found = tx.agent_identities().by_instance_id(MACHINE).await?;
    assert_texts(&found, |owner| &owner.agent.name, &["b"]);

    // However often a workspace was built, two builds are looked at: the newest, and the one that it ends.
    for (row, number, name) in [(52, 2, "c"), (53, 3, "d")] {
        add_to_build(&mut *tx, &world, row, (&dev, number), name).await?;
    }
    let found = tx.agent_identities().by_instance_id(MACHINE).await?;
    assert_texts(&found, |owner| &owner.agent.name, &["c", "d"]);
    tx.rollback().await?;
    Ok(())
}

/// Documents only become newer, for each agent of a machine; the last workspace that used one holds it.
pub async fn uses(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let other = world.add_workspace(&mut *tx, 2, "other").await?;
    let used = |name: &str, issued: i64, workspace: &Workspace| InstanceIdentityUse {
        instance_id: MACHINE.to_owned(),
        agent_name: name.to_owned(),
        workspace_id: workspace.id,
        issued_at: at(issued),
        used_at: at(issued + 1),
    };
    let identities = tx.agent_identities();
    assert_eq!(identities.holder(MACHINE).await?, None);
    for (use_, anew, taken) in [
        (used("main", 100, &dev), true, true),
        (used("main", 100, &dev), false, true),
        (used("main", 100, &dev), true, false),
        (used("main", 99, &dev), false, false),
        (used("other", 99, &dev), true, true),
        (used("main", 101, &dev), true, true),
    ] {
        assert_eq!(identities.note_use(&use_, anew).await?, taken, "{use_:?}");
        assert_eq!(identities.holder(MACHINE).await?, Some(dev.id));
    }
    assert!(
        identities
            .note_use(&used("main", 200, &other), true)
            .await?
    );
    assert_eq!(identities.holder(MACHINE).await?, Some(other.id));
    assert_eq!(identities.holder("i-0").await?, None);
    let gone = Workspace {
        deleted: true,
        ..other
    };
    tx.workspaces().update(&gone).await?;
    let holder = tx.agent_identities().holder(MACHINE).await?;
    assert_eq!(
        holder,
        Some(dev.id),
        "the other agent of the machine was the first one's"
    );
    let gone = Workspace {
        deleted: true,
        ..dev
    };
    tx.workspaces().update(&gone).await?;
    assert_eq!(tx.agent_identities().holder(MACHINE).await?, None);
    tx.rollback().await?;
    Ok(())
}

/// The newest tokens of an agent find it, others do not.
pub async fn tokens(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let one = add(&mut *tx, &world, 11, &dev, "one").await?.agent;
    let other = world.add_workspace(&mut *tx, 2, "other").await?;
    let two = add(&mut *tx, &world, 12, &other, "two").await?.agent;
    let token = |number: i64| TokenHash::of(&number.to_string());
    let identities = tx.agent_identities();
    identities.insert_token(two.id, token(9), at(0), 2).await?;
    for number in [1, 2, 3] {
        identities
            .insert_token(one.id, token(number), at(number), 2)
            .await?;
    }
    for (number, expected) in [
        (1, None),
        (2, Some(one.id)),
        (3, Some(one.id)),
        (9, Some(two.id)),
    ] {
        assert_eq!(
            identities.by_token(token(number)).await?,
            expected,
            "{number}"
        );
    }
    assert_eq!(identities.by_token(token(4)).await?, None);
    let again = identities.insert_token(two.id, token(3), at(5), 2).await;
    assert_conflict(again, "workspace_agent_tokens_pkey");
    tx.rollback().await?;
    let mut tx = backend.begin().await?;
    assert_eq!(tx.agent_identities().by_token(id_hash()).await?, None);
    tx.rollback().await?;
    Ok(())
}

fn id_hash() -> TokenHash {
    let id: crate::id::WorkspaceAgentId = id(1);
    TokenHash::of(&id.to_string())
}

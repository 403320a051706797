//! Dev containers, and the agents inside them.

use super::{
    World,
    backend::{Backend, Outcome, assert_conflict, assert_texts, present},
    fixture::{self, at, id},
};
use crate::{
    devcontainer::WorkspaceAgentDevcontainer, id::WorkspaceAgentId,
    workspace_agent::WorkspaceAgent, workspace_build::WorkspaceTransition,
};

const START: WorkspaceTransition = WorkspaceTransition::Start;

fn devcontainer(number: u128, agent: WorkspaceAgentId, name: &str) -> WorkspaceAgentDevcontainer {
    WorkspaceAgentDevcontainer {
        id: id(number),
        agent_id: agent,
        created_at: at(5),
        name: name.to_owned(),
        workspace_folder: "/home/ann/project".to_owned(),
        config_path: String::new(),
        subagent_id: None,
    }
}

/// What was inserted is found by its agent, in order.
pub async fn insert_and_list(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let build = world.add_build(&mut *tx, 11, &dev, 1, START).await?;
    let (_, one) = world.add_agent(&mut *tx, 10, &build).await?;
    let (resource, two) = world.add_agent(&mut *tx, 20, &build).await?;
    let inside = WorkspaceAgent {
        parent_id: Some(one.id),
        ..fixture::agent(30, &resource, "inside")
    };
    tx.workspace_agents().insert(&[inside]).await?;
    let full = WorkspaceAgentDevcontainer {
        config_path: "/x.json".to_owned(),
        subagent_id: Some(id(30)),
        ..devcontainer(1, one.id, "b")
    };
    let containers = [
        full.clone(),
        devcontainer(2, one.id, "a"),
        devcontainer(3, two.id, "c"),
    ];
    tx.devcontainers().insert(&containers).await?;
    tx.devcontainers().insert(&[]).await?;
    let found = tx.devcontainers().by_agents(&[one.id, id(9)]).await?;
    assert_texts(&found, |row| &row.name, &["a", "b"]);
    assert_eq!(found.last(), Some(&full));
    let found = tx.devcontainers().by_agents(&[two.id, one.id]).await?;
    assert_texts(&found, |row| &row.name, &["a", "b", "c"]);
    assert!(tx.devcontainers().by_agents(&[]).await?.is_empty());
    let again = tx.devcontainers().insert(&containers[..1]).await;
    assert_conflict(again, "workspace_agent_devcontainers_pkey");
    tx.rollback().await?;
    Ok(())
}

/// Agents inside are listed, changed and deleted by their parent only.
pub async fn sub_agents(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let build = world.add_build(&mut *tx, 11, &dev, 1, START).await?;
    let (resource, parent) = world.add_agent(&mut *tx, 10, &build).await?;
    let (_, other) = world.add_agent(&mut *tx, 20, &build).await?;
    let inside = |number: u128, name: &str, parent: WorkspaceAgentId| WorkspaceAgent {
        parent_id: Some(parent),
        ..fixture::agent(number, &resource, name)
    };
    let agents = [
        inside(31, "b", parent.id),
        inside(32, "a", parent.id),
        inside(33, "c", other.id),
    ];
    tx.workspace_agents().insert(&agents).await?;
    let found = tx.devcontainers().sub_agents(parent.id).await?;
    assert_texts(&found, |row| &row.name, &["a", "b"]);

    let changed = WorkspaceAgent {
        name: "z".to_owned(),
        directory: "/work".to_owned(),
        architecture: "arm64".to_owned(),
        operating_system: "darwin".to_owned(),
        display_apps: vec!["vscode".to_owned()],
        updated_at: at(77),
        ..agents[0].clone()
    };
    let more = WorkspaceAgent {
        version: "v9".to_owned(),
        ..changed.clone()
    };
    tx.devcontainers().update_sub_agent(&more).await?;
    let found = present(tx.workspace_agents().get(id(31)).await?)?;
    assert_eq!(found, changed);

    for (parent, agent, deleted) in [
        (other.id, id(31), false),
        (parent.id, id(9), false),
        (parent.id, parent.id, false),
        (parent.id, id(31), true),
        (parent.id, id(31), false),
    ] {
        let done = tx.devcontainers().delete_sub_agent(parent, agent).await?;
        assert_eq!(done, deleted, "{agent}");
    }
    let found = tx.devcontainers().sub_agents(parent.id).await?;
    assert_texts(&found, |row| &row.name, &["a"]);
    assert!(present(tx.workspace_agents().get(id(31)).await?)?.deleted);
    tx.rollback().await?;
    Ok(())
}

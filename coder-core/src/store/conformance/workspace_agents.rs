//! Agents.

use super::{
    World,
    backend::{Backend, Outcome, assert_conflict, assert_texts, present},
    fixture::{self, at, id},
};
use crate::{
    secret::TokenHash,
    store::AgentOwner,
    workspace::Workspace,
    workspace_agent::{AgentAuth, LifecycleState, StartupScriptBehavior, WorkspaceAgent},
    workspace_build::WorkspaceTransition,
};
use std::collections::BTreeMap;

const START: WorkspaceTransition = WorkspaceTransition::Start;

/// What was inserted is found by id, whole, and by resources, in order; nothing else is.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let job = world.add_job(&mut *tx, 2).await?;
    let (one, two) = (
        fixture::resource(1, job.id, "one"),
        fixture::resource(2, job.id, "two"),
    );
    tx.workspace_resources()
        .insert(&[one.clone(), two.clone()])
        .await?;
    let plain = fixture::agent(1, &one, "b");
    let full = full_agent(WorkspaceAgent {
        parent_id: Some(plain.id),
        ..fixture::agent(2, &one, "z")
    });
    let last = fixture::agent(3, &one, "c");
    let other = fixture::agent(4, &two, "bb");
    let agents = tx.workspace_agents();
    agents.insert(&[plain.clone(), full.clone(), last]).await?;
    agents.insert(&[other]).await?;
    agents.insert(&[]).await?;
    assert_eq!(agents.get(plain.id).await?, Some(plain));
    assert_eq!(agents.get(full.id).await?, Some(full));
    assert_eq!(agents.get(id(9)).await?, None);
    let found = agents.by_resources(&[one.id]).await?;
    assert_texts(&found, |row| &row.name, &["z", "b", "c"]);
    let found = agents.by_resources(&[two.id, id(9), one.id]).await?;
    assert_texts(&found, |row| &row.name, &["z", "b", "bb", "c"]);
    assert!(agents.by_resources(&[]).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// An agent in which nothing is as the fixture has it.
fn full_agent(agent: WorkspaceAgent) -> WorkspaceAgent {
    WorkspaceAgent {
        first_connected_at: Some(at(201)),
        last_connected_at: Some(at(202)),
        disconnected_at: Some(at(203)),
        started_at: Some(at(204)),
        ready_at: Some(at(205)),
        auth: AgentAuth::InstanceId("i-0123".to_owned()),
        architecture: "arm64".to_owned(),
        operating_system: "windows".to_owned(),
        environment_variables: BTreeMap::new(),
        directory: String::new(),
        expanded_directory: "/home/ann".to_owned(),
        version: "v1.2.3".to_owned(),
        api_version: "2.0".to_owned(),
        connection_timeout_seconds: 0,
        troubleshooting_url: String::new(),
        motd_file: String::new(),
        run_id: Some(id(77)),
        lifecycle_state: LifecycleState::ShutdownTimeout,
        subsystems: vec!["envbuilder".to_owned(), "exectrace".to_owned()],
        display_apps: Vec::new(),
        api_key_scope: "no_user_data".to_owned(),
        display_order: -2,
        startup_script_behavior: StartupScriptBehavior::Blocking,
        deleted: true,
        ..agent
    }
}

/// Tokens are unique; instance ids are not.
pub async fn conflicts(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let job = world.add_job(&mut *tx, 2).await?;
    let resource = fixture::resource(1, job.id, "one");
    tx.workspace_resources()
        .insert(std::slice::from_ref(&resource))
        .await?;
    let agent = |number: u128, auth: AgentAuth| WorkspaceAgent {
        auth,
        ..fixture::agent(number, &resource, &format!("a{number}"))
    };
    let instance = AgentAuth::InstanceId("i-0123".to_owned());
    let token = AgentAuth::Token(TokenHash::of("a token"));
    let given = [
        agent(1, instance.clone()),
        agent(2, instance),
        agent(3, token.clone()),
    ];
    tx.workspace_agents().insert(&given).await?;
    let result = tx.workspace_agents().insert(&[agent(4, token)]).await;
    assert_conflict(result, "workspace_agents_auth_token_hash_key");
    tx.rollback().await?;
    Ok(())
}

/// The owner of an agent is its build and workspace; imports and deleted agents have none.
pub async fn with_owner(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let workspace = world.add_workspace(&mut *tx, 1, "dev").await?;
    world.add_workspace(&mut *tx, 2, "other").await?;
    let build = world.add_build(&mut *tx, 11, &workspace, 1, START).await?;
    let (resource, agent) = world.add_agent(&mut *tx, 10, &build).await?;
    let deleted = WorkspaceAgent {
        deleted: true,
        ..fixture::agent(20, &resource, "old")
    };
    let import = fixture::resource(30, world.version.job_id, "main");
    let planned = fixture::agent(30, &import, "planned");
    tx.workspace_resources().insert(&[import]).await?;
    tx.workspace_agents().insert(&[deleted, planned]).await?;
    let agents = tx.workspace_agents();
    assert_eq!(agents.with_owner(id(20)).await?, None);
    assert_eq!(agents.with_owner(id(30)).await?, None);
    assert_eq!(agents.with_owner(id(9)).await?, None);
    let found = agents.with_owner(agent.id).await?;
    let owner = AgentOwner {
        agent,
        build,
        workspace,
    };
    assert_eq!(found.as_ref(), Some(&owner));
    let former = present(agents.with_owner_of_any_build(id(20)).await?)?;
    assert_eq!(
        (former.agent.name.as_str(), former.build.id),
        ("old", id(11))
    );
    assert_eq!(agents.with_owner_of_any_build(id(30)).await?, None);
    assert_eq!(agents.with_owner_of_any_build(id(9)).await?, None);
    tx.rollback().await?;
    Ok(())
}

/// A token finds an agent of a build, unless it or the workspace is deleted.
pub async fn by_token(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let workspace = world.add_workspace(&mut *tx, 1, "dev").await?;
    let build = world.add_build(&mut *tx, 11, &workspace, 1, START).await?;
    let (_, agent) = world.add_agent(&mut *tx, 10, &build).await?;
    let import = fixture::resource(30, world.version.job_id, "main");
    let planned = fixture::agent(30, &import, "planned");
    tx.workspace_resources().insert(&[import]).await?;
    tx.workspace_agents().insert(&[planned]).await?;
    let token = |number: u128| TokenHash::of(&number.to_string());
    let agents = tx.workspace_agents();
    assert_eq!(agents.by_token(token(9)).await?, None);
    assert_eq!(agents.by_token(token(30)).await?, None);
    let owner = AgentOwner {
        agent,
        build,
        workspace: workspace.clone(),
    };
    assert_eq!(agents.by_token(token(10)).await?.as_ref(), Some(&owner));

    // Which build's agent may speak is not the store's to say.
    let newer = world.add_build(&mut *tx, 12, &workspace, 2, START).await?;
    assert_eq!(
        tx.workspace_agents().by_token(token(10)).await?,
        Some(owner)
    );
    let (resource, _) = world.add_agent(&mut *tx, 20, &newer).await?;
    let found = present(tx.workspace_agents().by_token(token(20)).await?)?;
    assert_eq!(found.build, newer);
    let deleted = WorkspaceAgent {
        deleted: true,
        ..fixture::agent(21, &resource, "old")
    };
    tx.workspace_agents().insert(&[deleted]).await?;
    assert_eq!(tx.workspace_agents().by_token(token(21)).await?, None);

    let gone = Workspace {
        deleted: true,
        ..workspace
    };
    tx.workspaces().update(&gone).await?;
    assert_eq!(tx.workspace_agents().by_token(token(20)).await?, None);
    tx.rollback().await?;
    Ok(())
}

/// Agents of earlier builds are marked as deleted, those of others and of imports are not.
pub async fn delete_of_earlier_builds(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let other = world.add_workspace(&mut *tx, 2, "other").await?;
    for (number, workspace, build_number) in [
        (11, &dev, 1),
        (12, &dev, 2),
        (13, &dev, 3),
        (21, &other, 1),
        (22, &other, 2),
    ] {
        let build = world
            .add_build(&mut *tx, number, workspace, build_number, START)
            .await?;
        world.add_agent(&mut *tx, number, &build).await?;
    }
    let import = fixture::resource(30, world.version.job_id, "main");
    let planned = fixture::agent(30, &import, "planned");
    tx.workspace_resources().insert(&[import]).await?;
    tx.workspace_agents().insert(&[planned]).await?;
    tx.workspace_agents()
        .delete_of_earlier_builds(dev.id)
        .await?;
    tx.workspace_agents()
        .delete_of_earlier_builds(id(9))
        .await?;
    for (number, deleted) in [
        (11, true),
        (12, true),
        (13, false),
        (21, false),
        (22, false),
        (30, false),
    ] {
        let found = present(tx.workspace_agents().get(id(number)).await?)?;
        assert_eq!(found.deleted, deleted, "{number}");
    }
    tx.rollback().await?;
    Ok(())
}

/// Current are agents of newest builds, while neither they nor what they belong to is deleted or suspended.
pub async fn current_ones(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let gone = world.add_workspace(&mut *tx, 2, "gone").await?;
    let mut owners = BTreeMap::new();
    for (number, workspace, build_number) in [(11, &dev, 1), (12, &dev, 2), (21, &gone, 1)] {
        let build = world
            .add_build(&mut *tx, number, workspace, build_number, START)
            .await?;
        let (_, agent) = world.add_agent(&mut *tx, number, &build).await?;
        let workspace = workspace.clone();
        let owner = AgentOwner {
            agent,
            build,
            workspace,
        };
        owners.insert(number, owner);
    }
    let import = fixture::resource(30, world.version.job_id, "main");
    let planned = fixture::agent(30, &import, "planned");
    tx.workspace_resources().insert(&[import]).await?;
    tx.workspace_agents().insert(&[planned]).await?;
    let deleted = Workspace {
        deleted: true,
        ..gone
    };
    tx.workspaces().update(&deleted).await?;

    let token = |number: u128| TokenHash::of(&number.to_string());
    let (all, tokens) = (
        [id(11), id(12), id(21), id(30), id(9)],
        [11, 12, 21, 30, 9].map(token),
    );
    let agents = tx.workspace_agents();
    assert_eq!(agents.current(&all).await?, [id(12)]);
    assert_eq!(agents.current(&[]).await?, []);
    assert_eq!(
        agents.current_by_tokens(&tokens).await?,
        [present(owners.remove(&12))?]
    );
    assert_eq!(agents.current_by_tokens(&[]).await?, []);

    let owner = tx.users().get(dev.owner_id).await?;
    let suspended = crate::user::User {
        status: crate::user::UserStatus::Suspended,
        ..present(owner)?
    };
    tx.users().update(&suspended).await?;
    let agents = tx.workspace_agents();
    assert_eq!(agents.current(&all).await?, []);
    assert_eq!(agents.current_by_tokens(&tokens).await?, []);
    tx.rollback().await?;
    Ok(())
}

/// Connections of many are noted, the first time too, and nobody else's.
pub async fn many_are_connected(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let build = world.add_build(&mut *tx, 11, &dev, 1, START).await?;
    for number in [1, 2, 3] {
        world.add_agent(&mut *tx, number, &build).await?;
    }
    let untouched = tx.workspace_agents().get(id(3)).await?;
    let mut before = present(tx.workspace_agents().get(id(2)).await?)?;
    before.first_connected_at = Some(at(100));
    before.disconnected_at = Some(at(101));
    tx.workspace_agents().set_connection(&before).await?;
    let both = [id(1), id(2), id(9)];
    tx.workspace_agents().set_connected(&both, at(200)).await?;
    tx.workspace_agents().set_connected(&[], at(300)).await?;
    for (number, first) in [(1, at(200)), (2, at(100))] {
        let found = present(tx.workspace_agents().get(id(number)).await?)?;
        assert_eq!(found.first_connected_at, Some(first));
        assert_eq!(found.last_connected_at, Some(at(200)));
        assert_eq!(found.disconnected_at, None);
    }
    assert_eq!(tx.workspace_agents().get(id(3)).await?, untouched);
    tx.rollback().await?;
    Ok(())
}

/// Each setter replaces its own columns and no others.
pub async fn setters(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let build = world.add_build(&mut *tx, 11, &dev, 1, START).await?;
    let (_, mut expected) = world.add_agent(&mut *tx, 10, &build).await?;
    world.add_agent(&mut *tx, 20, &build).await?;
    let untouched = tx.workspace_agents().get(id(20)).await?;
    let new = full_agent(expected.clone());

    tx.workspace_agents().set_connection(&new).await?;
    expected.first_connected_at = new.first_connected_at;
    expected.last_connected_at = new.last_connected_at;
    expected.disconnected_at = new.disconnected_at;
    let found = present(tx.workspace_agents().get(id(10)).await?)?;
    assert_eq!(found, expected);

    tx.workspace_agents().set_startup(&new).await?;
    expected.version.clone_from(&new.version);
    expected.api_version.clone_from(&new.api_version);
    expected
        .expanded_directory
        .clone_from(&new.expanded_directory);
    expected.subsystems.clone_from(&new.subsystems);
    expected.run_id = new.run_id;
    let found = present(tx.workspace_agents().get(id(10)).await?)?;
    assert_eq!(found, expected);

    tx.workspace_agents().set_lifecycle(&new).await?;
    expected.lifecycle_state = new.lifecycle_state;
    expected.started_at = new.started_at;
    expected.ready_at = new.ready_at;
    let found = present(tx.workspace_agents().get(id(10)).await?)?;
    assert_eq!(found, expected);

    let reconnected = WorkspaceAgent {
        disconnected_at: None,
        ..expected
    };
    tx.workspace_agents().set_connection(&reconnected).await?;
    let found = present(tx.workspace_agents().get(id(10)).await?)?;
    assert_eq!(found, reconnected);

    let absent = WorkspaceAgent { id: id(9), ..new };
    tx.workspace_agents().set_connection(&absent).await?;
    tx.workspace_agents().set_startup(&absent).await?;
    tx.workspace_agents().set_lifecycle(&absent).await?;
    assert_eq!(tx.workspace_agents().get(id(9)).await?, None);
    assert_eq!(tx.workspace_agents().get(id(20)).await?, untouched);
    tx.rollback().await?;
    Ok(())
}

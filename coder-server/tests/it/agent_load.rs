//! Thousands of agents that tell something at once, on a real PostgreSQL.

use coder_core::{
    event::{PubSub as _, Topic},
    id::WorkspaceAgentId,
    service::Deps,
    store::{
        Store,
        conformance::{Backend, World, fixture, next_event},
    },
    workspace_agent::MetadataUpdate,
    workspace_build::WorkspaceTransition,
};
use coder_server::{
    db::{PgPubSub, testing::TestDatabase},
    rpc::{agent_writes::AgentWrites, presence::Presence},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const AGENTS: usize = 2_000;
/// The longest that all of it may take on a busy machine. One by one it would be some 20,000 statements.
const BOUND: Duration = Duration::from_secs(10);

/// Workspaces with an agent each that measures one value.
async fn agents(backend: &Backend) -> Vec<WorkspaceAgentId> {
    let world = World::create(backend).await.unwrap();
    let mut tx = backend.begin().await.unwrap();
    let mut agents = Vec::new();
    for number in 0..AGENTS {
        let id = 1_000 + u128::try_from(number).unwrap();
        let name = format!("w{number}");
        let workspace = world.add_workspace(&mut *tx, id, &name).await.unwrap();
        let start = WorkspaceTransition::Start;
        let build = world.add_build(&mut *tx, id, &workspace, 1, start).await;
        let (_, agent) = world
            .add_agent(&mut *tx, id, &build.unwrap())
            .await
            .unwrap();
        agents.push(agent.id);
    }
    let metadata = agents.iter().map(|&id| fixture::metadatum(id, "cpu", 0));
    let metadata: Vec<_> = metadata.collect();
    tx.workspace_agents()
        .insert_metadata(&metadata)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    agents
}

fn measured(deps: &Deps, value: &str) -> Vec<MetadataUpdate> {
    vec![MetadataUpdate {
        key: "cpu".to_owned(),
        value: value.to_owned(),
        error: String::new(),
        collected_at: deps.now(),
    }]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_all_agents_tell_is_written_together() {
    let database = TestDatabase::create().await;
    let store: Arc<dyn Store> = Arc::new(database.store().await);
    let pubsub = Arc::new(PgPubSub::start(database.options()).await);
    let backend = Backend {
        store: Arc::clone(&store),
        pubsub: pubsub.clone(),
    };
    let agents = agents(&backend).await;
    let deps = Deps::new(store, pubsub.clone());
    let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
    let writes = AgentWrites::new(deps.clone(), tasks.clone(), shutdown.clone());
    let presence = Presence::new(deps.clone());
    let last = *agents.last().unwrap();
    let mut events = pubsub.subscribe(Topic::Agent(last)).await.unwrap();

    let began = Instant::now();
    let mut seen = JoinSet::new();
    for &agent in &agents {
        writes
            .metadata(agent, measured(&deps, &agent.to_string()))
            .unwrap();
        let presence = presence.clone();
        seen.spawn(async move { presence.seen(agent).await });
    }
    while let Some(one) = seen.join_next().await {
        assert!(one.unwrap().unwrap().is_some(), "each may stay");
    }
    next_event(&mut events).await.unwrap();
    let took = began.elapsed();
    eprintln!("{AGENTS} signs of life and values were written after {took:?}");
    assert!(took < BOUND, "{took:?}");
    let mut tx = deps.begin().await.unwrap();
    for row in tx.workspace_agents().metadata(&agents).await.unwrap() {
        assert_eq!(row.value, row.agent_id.to_string());
    }
    for id in [last, agents[0]] {
        let row = tx.workspace_agents().get(id).await.unwrap().unwrap();
        assert!(row.last_connected_at.is_some());
    }
    tx.rollback().await.unwrap();

    // What waits when the server stops is written.
    writes.metadata(last, measured(&deps, "last")).unwrap();
    shutdown.cancel();
    tasks.close();
    tasks.wait().await;
    let late = writes.metadata(last, measured(&deps, "late"));
    assert!(late.is_err(), "the server has stopped");
    let mut tx = deps.begin().await.unwrap();
    let found = tx.workspace_agents().metadata(&[last]).await.unwrap();
    assert_eq!(found[0].value, "last");
    tx.rollback().await.unwrap();
}

//! Apps.

use super::{
    World,
    backend::{Backend, Outcome, assert_conflict, assert_texts},
    fixture::{self, id},
};
use crate::{
    id::WorkspaceAgentId,
    template::SharingLevel,
    workspace_app::{AppHealth, OpenIn, WorkspaceApp},
    workspace_build::WorkspaceTransition,
};

/// Stores two agents, number 10 and 20.
async fn agents(backend: &Backend) -> Result<(WorkspaceAgentId, WorkspaceAgentId), super::Failure> {
    let world = World::create(backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let build = world
        .add_build(&mut *tx, 11, &dev, 1, WorkspaceTransition::Start)
        .await?;
    let (_, one) = world.add_agent(&mut *tx, 10, &build).await?;
    let (_, two) = world.add_agent(&mut *tx, 20, &build).await?;
    tx.commit().await?;
    Ok((one.id, two.id))
}

/// Apps come whole, by display order, then slug.
pub async fn insert_and_list(backend: Backend) -> Outcome {
    let (one, two) = agents(&backend).await?;
    let mut tx = backend.begin().await?;
    let full = WorkspaceApp {
        command: "htop".to_owned(),
        external: true,
        subdomain: false,
        sharing_level: SharingLevel::Public,
        health: AppHealth::Disabled,
        hidden: true,
        open_in: OpenIn::Tab,
        display_order: -1,
        ..fixture::app(1, one, "x")
    };
    let given = [
        fixture::app(2, one, "c"),
        full.clone(),
        fixture::app(3, one, "b"),
    ];
    tx.workspace_apps().insert(&given).await?;
    tx.workspace_apps()
        .insert(&[fixture::app(4, two, "b2")])
        .await?;
    tx.workspace_apps().insert(&[]).await?;
    let found = tx.workspace_apps().by_agents(&[one]).await?;
    assert_texts(&found, |row| &row.slug, &["x", "b", "c"]);
    assert_eq!(found.first(), Some(&full));
    assert_eq!(found.last(), given.first());
    let found = tx.workspace_apps().by_agents(&[two, id(99), one]).await?;
    assert_texts(&found, |row| &row.slug, &["x", "b", "b2", "c"]);
    assert!(tx.workspace_apps().by_agents(&[]).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// Slugs are unique per agent.
pub async fn conflicts(backend: Backend) -> Outcome {
    let (one, two) = agents(&backend).await?;
    let mut tx = backend.begin().await?;
    let apps = [fixture::app(1, one, "a"), fixture::app(2, two, "a")];
    tx.workspace_apps().insert(&apps).await?;
    let same = fixture::app(3, one, "a");
    let result = tx.workspace_apps().insert(&[same]).await;
    assert_conflict(result, "workspace_apps_agent_id_slug_key");
    tx.rollback().await?;
    Ok(())
}

/// An agent sets the health of its own apps only.
pub async fn health(backend: Backend) -> Outcome {
    let (one, two) = agents(&backend).await?;
    let mut tx = backend.begin().await?;
    let apps = [fixture::app(1, one, "a"), fixture::app(2, two, "a")];
    tx.workspace_apps().insert(&apps).await?;
    let rows = tx.workspace_apps();
    assert!(!rows.set_health(one, id(2), AppHealth::Healthy).await?);
    assert!(!rows.set_health(one, id(9), AppHealth::Healthy).await?);
    assert!(!rows.set_health(id(9), id(1), AppHealth::Healthy).await?);
    assert!(rows.set_health(one, id(1), AppHealth::Unhealthy).await?);
    let [first, second] = apps;
    let first = WorkspaceApp {
        health: AppHealth::Unhealthy,
        ..first
    };
    assert_eq!(rows.by_agents(&[one]).await?, [first]);
    assert_eq!(rows.by_agents(&[two]).await?, [second]);
    tx.rollback().await?;
    Ok(())
}

//! Resources.

use super::{
    World,
    backend::{Backend, Outcome, assert_texts},
    fixture::{self, at, id},
};
use crate::{workspace_build::WorkspaceTransition, workspace_resource::WorkspaceResource};

/// What was inserted is found by id, whole, and by jobs, in order; nothing else is.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let (one, two) = (
        world.add_job(&mut *tx, 2).await?,
        world.add_job(&mut *tx, 3).await?,
    );
    let full = fixture::resource(1, one.id, "b");
    let bare = WorkspaceResource {
        transition: WorkspaceTransition::Stop,
        hide: true,
        icon: String::new(),
        instance_type: String::new(),
        module_path: String::new(),
        metadata: Vec::new(),
        created_at: at(129),
        ..fixture::resource(2, one.id, "z")
    };
    let (third, fourth) = (
        fixture::resource(3, one.id, "B"),
        fixture::resource(4, two.id, "a"),
    );
    let resources = tx.workspace_resources();
    resources
        .insert(&[full.clone(), bare.clone(), third])
        .await?;
    resources.insert(&[fourth]).await?;
    resources.insert(&[]).await?;
    assert_eq!(resources.get(full.id).await?, Some(full));
    assert_eq!(resources.get(bare.id).await?, Some(bare));
    assert_eq!(resources.get(id(9)).await?, None);
    let found = resources.by_jobs(&[one.id]).await?;
    assert_texts(&found, |row| &row.name, &["z", "B", "b"]);
    let found = resources.by_jobs(&[two.id, one.id, id(9)]).await?;
    assert_texts(&found, |row| &row.name, &["z", "B", "a", "b"]);
    assert!(resources.by_jobs(&[]).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

//! Workspaces, one by one.

use super::{
    World,
    backend::{Backend, Outcome, assert_conflict},
    fixture::{self, at, id},
};
use crate::workspace::{AutomaticUpdates, Workspace};

/// What was inserted is found by id and by owner and name, whole; nothing else is.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let dev = world.add_workspace(&mut *tx, 1, "dev").await?;
    let bob = fixture::user(2, "bob");
    tx.users().insert(&bob).await?;
    let bare = Workspace {
        autostart_schedule: None,
        ttl_ms: None,
        ..fixture::workspace(2, &bob, &world.template, "dev")
    };
    tx.workspaces().insert(&bare).await?;
    assert_eq!(tx.workspaces().get(dev.id).await?, Some(dev.clone()));
    assert_eq!(tx.workspaces().get(bare.id).await?, Some(bare));
    assert_eq!(tx.workspaces().get(id(9)).await?, None);
    let found = tx.workspaces().get_for_update(dev.id).await?;
    assert_eq!(found, Some(dev.clone()));
    assert_eq!(tx.workspaces().get_for_update(id(9)).await?, None);
    for deleted in [false, true] {
        let owner = world.user.id;
        let found = tx
            .workspaces()
            .by_owner_and_name(owner, "DEV", deleted)
            .await?;
        assert_eq!(found, Some(dev.clone()));
        let found = tx
            .workspaces()
            .by_owner_and_name(owner, "de", deleted)
            .await?;
        assert_eq!(found, None);
        let found = tx
            .workspaces()
            .by_owner_and_name(id(9), "dev", deleted)
            .await?;
        assert_eq!(found, None);
    }
    tx.rollback().await?;
    Ok(())
}

/// Names are unique per owner, ignoring case.
pub async fn conflicts(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_workspace(&mut *tx, 1, "dev").await?;
    let other = world.add_workspace(&mut *tx, 2, "other").await?;
    tx.commit().await?;
    let constraint = "workspaces_owner_id_name_key";
    let mut tx = backend.begin().await?;
    let same = fixture::workspace(3, &world.user, &world.template, "Dev");
    assert_conflict(tx.workspaces().insert(&same).await, constraint);
    tx.rollback().await?;
    let mut tx = backend.begin().await?;
    let renamed = Workspace {
        name: "DEV".to_owned(),
        ..other
    };
    assert_conflict(tx.workspaces().update(&renamed).await, constraint);
    tx.rollback().await?;
    Ok(())
}

/// Deleted workspaces free their name; on request they are found by it, the newest first.
pub async fn names_are_free_after_delete(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let owner = world.user.id;
    for (number, created) in [(1, 500), (2, 700), (3, 600)] {
        let mut row = fixture::workspace(number, &world.user, &world.template, "dev");
        row.created_at = at(created);
        tx.workspaces().insert(&row).await?;
        row.deleted = true;
        tx.workspaces().update(&row).await?;
    }
    let found = tx
        .workspaces()
        .by_owner_and_name(owner, "dev", false)
        .await?;
    assert_eq!(found, None);
    let found = tx
        .workspaces()
        .by_owner_and_name(owner, "dev", true)
        .await?;
    assert_eq!(found.map(|row| row.id), Some(id(2)));
    assert_eq!(tx.workspaces().count_of_template(id(1)).await?, 0);

    let mut live = fixture::workspace(4, &world.user, &world.template, "dev");
    live.created_at = at(400);
    tx.workspaces().insert(&live).await?;
    for deleted in [false, true] {
        let found = tx
            .workspaces()
            .by_owner_and_name(owner, "dev", deleted)
            .await?;
        assert_eq!(found.map(|row| row.id), Some(id(4)));
    }
    assert_eq!(tx.workspaces().count_of_template(id(1)).await?, 1);
    assert_eq!(tx.workspaces().count_of_template(id(9)).await?, 0);
    tx.rollback().await?;
    Ok(())
}

/// An update replaces everything but what never changes.
pub async fn update(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let bob = fixture::user(2, "bob");
    tx.users().insert(&bob).await?;
    let old = world.add_workspace(&mut *tx, 1, "dev").await?;
    let new = Workspace {
        id: old.id,
        owner_id: bob.id,
        organization_id: id(9),
        template_id: id(9),
        name: "renamed".to_owned(),
        autostart_schedule: None,
        ttl_ms: None,
        last_used_at: at(500),
        created_at: at(501),
        updated_at: at(502),
        deleted: false,
        dormant_at: Some(at(503)),
        deleting_at: Some(at(504)),
        automatic_updates: AutomaticUpdates::Always,
        favorite: true,
        next_start_at: Some(at(505)),
    };
    tx.workspaces().update(&new).await?;
    let expected = Workspace {
        organization_id: old.organization_id,
        template_id: old.template_id,
        created_at: old.created_at,
        ..new
    };
    assert_eq!(tx.workspaces().get(old.id).await?, Some(expected));
    let absent = fixture::workspace(9, &world.user, &world.template, "absent");
    tx.workspaces().update(&absent).await?;
    assert_eq!(tx.workspaces().get(id(9)).await?, None);
    tx.rollback().await?;
    Ok(())
}

/// A use changes one column of those that are used.
pub async fn touch(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let row = world.add_workspace(&mut *tx, 1, "dev").await?;
    let other = world.add_workspace(&mut *tx, 2, "other").await?;
    tx.workspaces().touch(&[row.id, id(9)], at(900)).await?;
    tx.workspaces().touch(&[], at(901)).await?;
    assert_eq!(tx.workspaces().get(id(2)).await?, Some(other));
    let expected = Workspace {
        last_used_at: at(900),
        ..row
    };
    assert_eq!(tx.workspaces().get(id(1)).await?, Some(expected));
    tx.rollback().await?;
    Ok(())
}

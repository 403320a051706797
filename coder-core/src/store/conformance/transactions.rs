//! Units of work.

use super::{
    World,
    backend::{Backend, Failure, Outcome, assert_conflict, present, within},
    fixture::{self, at, id},
};
use crate::user::User;
use futures_util::future::join_all;

/// A store that is there answers.
pub async fn ping(backend: Backend) -> Outcome {
    backend.store.ping().await?;
    Ok(())
}

/// What was committed is seen by the next transaction.
pub async fn commit_keeps(backend: Backend) -> Outcome {
    let user = insert(&backend, true).await?;
    let mut tx = backend.begin().await?;
    assert_eq!(tx.users().get(user.id).await?, Some(user));
    tx.rollback().await?;
    Ok(())
}

/// What was rolled back is not.
pub async fn rollback_undoes(backend: Backend) -> Outcome {
    let user = insert(&backend, false).await?;
    let mut tx = backend.begin().await?;
    assert_eq!(tx.users().get(user.id).await?, None);
    tx.rollback().await?;
    // The names are free, too.
    insert(&backend, true).await?;
    Ok(())
}

/// Nor what was dropped; and the store goes on.
pub async fn drop_undoes(backend: Backend) -> Outcome {
    let user = fixture::user(1, "ann");
    for _ in 0..3 {
        let mut tx = backend.begin().await?;
        tx.users().insert(&user).await?;
        drop(tx);
    }
    let read = async {
        let mut tx = backend.begin().await?;
        let found = tx.users().get(user.id).await?;
        tx.rollback().await?;
        Ok::<_, Failure>(found)
    };
    assert_eq!(within(read).await??, None);
    Ok(())
}

/// A transaction sees its own writes, of every kind, and a rollback undoes each of them.
pub async fn rollback_undoes_changes_and_deletes(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let key = fixture::api_key("session001", &world.user, "");
    tx.api_keys().insert(&key).await?;
    tx.commit().await?;

    let mut tx = backend.begin().await?;
    let renamed = User {
        username: "zoe".to_owned(),
        ..world.user.clone()
    };
    tx.users().update(&renamed).await?;
    tx.api_keys().delete(&key.id).await?;
    tx.settings().set("a", "b").await?;
    let member = (world.organization.id, world.user.id);
    tx.organizations().delete_member(member.0, member.1).await?;
    assert_eq!(tx.users().get(world.user.id).await?, Some(renamed));
    assert_eq!(tx.api_keys().get(&key.id).await?, None);
    tx.rollback().await?;

    let mut tx = backend.begin().await?;
    let user = tx.users().get(world.user.id).await?;
    assert_eq!(user, Some(world.user));
    assert_eq!(tx.api_keys().get(&key.id).await?, Some(key));
    assert_eq!(tx.settings().get("a").await?, None);
    let found = tx.organizations().member(member.0, member.1).await?;
    present(found)?;
    tx.rollback().await?;
    Ok(())
}

/// After a conflict a rollback leaves nothing of the transaction.
pub async fn rollback_after_conflict(backend: Backend) -> Outcome {
    insert(&backend, true).await?;
    let mut tx = backend.begin().await?;
    tx.users().insert(&fixture::user(2, "bob")).await?;
    let again = fixture::user(3, "ann");
    assert_conflict(tx.users().insert(&again).await, "users_email_key");
    tx.rollback().await?;
    let mut tx = backend.begin().await?;
    assert_eq!(tx.users().get(id(2)).await?, None);
    assert_eq!(tx.users().count().await?, 1);
    tx.rollback().await?;
    Ok(())
}

/// Of many that want the same name at once, one gets it; the others are told.
pub async fn one_of_many_gets_a_name(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let attempts = (1..=8).map(|number| {
        let workspace = fixture::workspace(number, &world.user, &world.template, "dev");
        let backend = &backend;
        async move {
            let mut tx = backend.begin().await?;
            match tx.workspaces().insert(&workspace).await {
                Ok(()) => tx.commit().await?,
                Err(error) => {
                    tx.rollback().await?;
                    assert!(
                        error.is_conflict_with("workspaces_owner_id_name_key"),
                        "{error}"
                    );
                    return Ok(0);
                }
            }
            Ok::<_, Failure>(1)
        }
    });
    let attempts: Result<Vec<i32>, Failure> = join_all(attempts).await.into_iter().collect();
    assert_eq!(attempts?.iter().sum::<i32>(), 1);
    Ok(())
}

/// `get_for_update` makes read-then-write safe: no increment is lost.
pub async fn for_update_serializes(backend: Backend) -> Outcome {
    const WRITERS: i64 = 8;
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_workspace(&mut *tx, 1, "dev").await?;
    tx.commit().await?;
    let writers = (0..WRITERS).map(|_| async {
        let mut tx = backend.begin().await?;
        let mut row = present(tx.workspaces().get_for_update(id(1)).await?)?;
        row.ttl_ms = row.ttl_ms.map(|ttl| ttl + 1);
        tx.workspaces().update(&row).await?;
        tx.commit().await?;
        Ok::<_, Failure>(())
    });
    for outcome in join_all(writers).await {
        outcome?;
    }
    let mut tx = backend.begin().await?;
    let row = present(tx.workspaces().get(id(1)).await?)?;
    assert_eq!(row.ttl_ms, Some(3_600_000 + WRITERS));
    tx.rollback().await?;
    Ok(())
}

/// Of many that end the same job at once, one does.
pub async fn one_of_many_ends_a_job(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_job(&mut *tx, 2).await?;
    tx.commit().await?;
    let attempts = (0..8).map(|number| {
        let backend = &backend;
        async move {
            let mut tx = backend.begin().await?;
            let end = crate::store::JobEnd::default();
            let ended = tx
                .provisioner_jobs()
                .finish(id(2), None, &end, at(number))
                .await?;
            tx.commit().await?;
            Ok::<_, Failure>(i32::from(ended))
        }
    });
    let attempts: Result<Vec<i32>, Failure> = join_all(attempts).await.into_iter().collect();
    assert_eq!(attempts?.iter().sum::<i32>(), 1);
    Ok(())
}

async fn insert(backend: &Backend, commit: bool) -> Result<User, Failure> {
    let user = fixture::user(1, "ann");
    let mut tx = backend.begin().await?;
    tx.users().insert(&user).await?;
    if commit {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(user)
}

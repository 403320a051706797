//! Key pairs for Git hosts.

use super::{
    World,
    backend::{Backend, Outcome, assert_invalid_text},
    fixture::{self, at, id},
};
use crate::{git_ssh_key::GitSshKey, secret::Secret};

/// The first pair stays until it is updated, which keeps the time of the first one.
pub async fn insert_and_update(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let user = world.user.id;
    let first = fixture::git_ssh_key(&world.user, "one");
    let mut tx = backend.begin().await?;
    assert_eq!(tx.git_ssh_keys().get(user).await?, None);
    tx.git_ssh_keys().update(&first).await?;
    assert_eq!(tx.git_ssh_keys().get(user).await?, None);
    assert_eq!(tx.git_ssh_keys().get_or_insert(&first).await?, first);
    tx.commit().await?;

    let other = GitSshKey {
        created_at: at(90),
        updated_at: at(91),
        ..fixture::git_ssh_key(&world.user, "two")
    };
    let mut tx = backend.begin().await?;
    assert_eq!(tx.git_ssh_keys().get_or_insert(&other).await?, first);
    tx.git_ssh_keys().update(&other).await?;
    tx.commit().await?;

    let expected = GitSshKey {
        created_at: first.created_at,
        ..other
    };
    let mut tx = backend.begin().await?;
    assert_eq!(tx.git_ssh_keys().get(user).await?, Some(expected));
    assert_eq!(tx.git_ssh_keys().get(id(99)).await?, None);
    tx.rollback().await?;
    Ok(())
}

/// A removed pair is gone, and only that one.
pub async fn delete(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let bob = fixture::user(2, "bob");
    tx.users().insert(&bob).await?;
    for user in [&world.user, &bob] {
        let key = fixture::git_ssh_key(user, &user.username);
        tx.git_ssh_keys().get_or_insert(&key).await?;
    }
    tx.git_ssh_keys().delete(world.user.id).await?;
    tx.git_ssh_keys().delete(id(99)).await?;
    assert_eq!(tx.git_ssh_keys().get(world.user.id).await?, None);
    assert!(tx.git_ssh_keys().get(bob.id).await?.is_some());
    tx.rollback().await?;
    Ok(())
}

/// No text with a NUL is kept.
pub async fn nul(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    for (private, public) in [("a\0b", "b"), ("a", "a\0b")] {
        let key = GitSshKey {
            private_key: Secret::new(private),
            public_key: public.to_owned(),
            ..fixture::git_ssh_key(&world.user, "one")
        };
        let mut tx = backend.begin().await?;
        assert_invalid_text(tx.git_ssh_keys().get_or_insert(&key).await.map(drop));
        tx.rollback().await?;
    }
    Ok(())
}

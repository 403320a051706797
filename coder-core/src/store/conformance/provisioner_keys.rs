//! Keys with which daemons join.

use super::{
    World,
    backend::{Backend, Outcome, assert_conflict, assert_texts},
    fixture::{self, at, id},
};
use crate::{provisioner_key::ProvisionerKey, secret::TokenHash};

/// What was inserted is found by id, by name and by its secret; nothing else is.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let organization = world.organization.id;
    let mut tx = backend.begin().await?;
    let mut key = fixture::provisioner_key(1, organization, "Rack-1");
    key.tags.insert("gpu".to_owned(), "yes".to_owned());
    tx.provisioner_keys().insert(&key).await?;
    tx.commit().await?;

    let mut tx = backend.begin().await?;
    let keys = tx.provisioner_keys();
    let expected = Some(key.clone());
    assert_eq!(keys.get(id(1)).await?, expected);
    assert_eq!(keys.by_name(organization, "rack-1").await?, expected);
    assert_eq!(keys.by_secret(key.secret_hash).await?, expected);
    assert_eq!(keys.get(id(2)).await?, None);
    assert_eq!(keys.by_name(organization, "rack").await?, None);
    assert_eq!(keys.by_name(id(9), "rack-1").await?, None);
    assert_eq!(keys.by_secret(TokenHash::of("other")).await?, None);
    tx.rollback().await?;
    Ok(())
}

/// Ids and secrets are unique, and names within an organization.
pub async fn conflicts(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let organization = world.organization.id;
    let mut tx = backend.begin().await?;
    let other = fixture::organization(2, "other");
    tx.organizations().insert(&other).await?;
    let first = fixture::provisioner_key(1, organization, "rack");
    tx.provisioner_keys().insert(&first).await?;
    let elsewhere = fixture::provisioner_key(2, other.id, "rack");
    tx.provisioner_keys().insert(&elsewhere).await?;
    tx.commit().await?;
    let copied = ProvisionerKey {
        secret_hash: first.secret_hash,
        ..fixture::provisioner_key(3, organization, "copy")
    };
    let cases = [
        (
            ProvisionerKey {
                secret_hash: TokenHash::of("new"),
                ..fixture::provisioner_key(1, organization, "new")
            },
            "provisioner_keys_pkey",
        ),
        (
            fixture::provisioner_key(3, organization, "RACK"),
            "provisioner_keys_organization_id_name_key",
        ),
        (copied, "provisioner_keys_secret_hash_key"),
    ];
    for (key, constraint) in cases {
        let mut tx = backend.begin().await?;
        assert_conflict(tx.provisioner_keys().insert(&key).await, constraint);
        tx.rollback().await?;
    }
    Ok(())
}

/// A retired key is found by its secret only, and its name is free.
pub async fn retire(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let organization = world.organization.id;
    let mut tx = backend.begin().await?;
    let key = fixture::provisioner_key(1, organization, "rack");
    let keys = tx.provisioner_keys();
    keys.insert(&key).await?;
    assert!(keys.retired(organization).await?.is_empty());
    keys.retire(key.id, at(500)).await?;
    keys.retire(id(9), at(500)).await?;
    let retired = ProvisionerKey {
        deleted_at: Some(at(500)),
        ..key
    };
    assert_eq!(keys.get(retired.id).await?, None);
    assert_eq!(keys.by_name(organization, "rack").await?, None);
    assert!(keys.list(organization).await?.is_empty());
    let expected = std::slice::from_ref(&retired);
    assert_eq!(keys.retired(organization).await?, expected);
    assert!(keys.retired(id(9)).await?.is_empty());
    let hash = retired.secret_hash;
    assert_eq!(keys.by_secret(hash).await?, Some(retired.clone()));
    keys.insert(&fixture::provisioner_key(2, organization, "rack"))
        .await?;
    keys.delete(retired.id).await?;
    assert_eq!(keys.by_secret(hash).await?, None);
    tx.rollback().await?;
    Ok(())
}

/// An organization's keys are listed oldest first; a removed one is gone, and its name free.
pub async fn list_and_delete(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let organization = world.organization.id;
    let mut tx = backend.begin().await?;
    for (number, name, created) in [(1, "b", 50), (2, "c", 40), (3, "a", 60)] {
        let key = ProvisionerKey {
            created_at: at(created),
            ..fixture::provisioner_key(number, organization, name)
        };
        tx.provisioner_keys().insert(&key).await?;
    }
    let keys = tx.provisioner_keys();
    let found = keys.list(organization).await?;
    assert_texts(&found, |row| &row.name, &["c", "b", "a"]);
    assert!(keys.list(id(9)).await?.is_empty());
    keys.delete(id(1)).await?;
    keys.delete(id(9)).await?;
    assert_eq!(keys.get(id(1)).await?, None);
    let found = keys.list(organization).await?;
    assert_texts(&found, |row| &row.name, &["c", "a"]);
    keys.insert(&fixture::provisioner_key(1, organization, "b"))
        .await?;
    tx.rollback().await?;
    Ok(())
}

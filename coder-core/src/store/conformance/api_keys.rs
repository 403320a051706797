//! Session keys and tokens.

use super::{
    backend::{Backend, Outcome, assert_conflict, assert_texts},
    fixture::{self, at, id},
};
use crate::{api_key::ApiKey, user::User};

async fn two_users(backend: &Backend) -> Result<(User, User), super::Failure> {
    let mut tx = backend.begin().await?;
    let (ann, bob) = (fixture::user(1, "ann"), fixture::user(2, "bob"));
    tx.users().insert(&ann).await?;
    tx.users().insert(&bob).await?;
    tx.commit().await?;
    Ok((ann, bob))
}

/// What was inserted is found by id, and tokens by name; nothing else is.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let (ann, bob) = two_users(&backend).await?;
    let mut tx = backend.begin().await?;
    let session = fixture::api_key("session001", &ann, "");
    let mut token = fixture::api_key("token00001", &ann, "ci");
    token.scopes = vec!["workspace:read".to_owned(), "template:read".to_owned()];
    tx.api_keys().insert(&session).await?;
    tx.api_keys().insert(&token).await?;
    tx.commit().await?;

    let mut tx = backend.begin().await?;
    assert_eq!(tx.api_keys().get("session001").await?, Some(session));
    let found = tx.api_keys().by_name(ann.id, "ci").await?;
    assert_eq!(found, Some(token));
    assert_eq!(tx.api_keys().get("SESSION001").await?, None);
    assert_eq!(tx.api_keys().by_name(ann.id, "cd").await?, None);
    assert_eq!(tx.api_keys().by_name(bob.id, "ci").await?, None);
    tx.rollback().await?;
    Ok(())
}

/// Ids are unique, and the names of a user's tokens; sessions have no name.
pub async fn conflicts(backend: Backend) -> Outcome {
    let (ann, bob) = two_users(&backend).await?;
    let mut tx = backend.begin().await?;
    tx.api_keys()
        .insert(&fixture::api_key("session001", &ann, ""))
        .await?;
    tx.api_keys()
        .insert(&fixture::api_key("session002", &ann, ""))
        .await?;
    tx.api_keys()
        .insert(&fixture::api_key("token00001", &ann, "ci"))
        .await?;
    tx.api_keys()
        .insert(&fixture::api_key("token00002", &bob, "ci"))
        .await?;
    tx.commit().await?;
    let cases = [
        (fixture::api_key("session001", &bob, ""), "api_keys_pkey"),
        (
            fixture::api_key("token00003", &ann, "ci"),
            "api_keys_user_id_token_name_key",
        ),
    ];
    for (key, constraint) in cases {
        let mut tx = backend.begin().await?;
        assert_conflict(tx.api_keys().insert(&key).await, constraint);
        tx.rollback().await?;
    }
    Ok(())
}

/// A user's keys are listed newest first.
pub async fn list_order(backend: Backend) -> Outcome {
    let (ann, bob) = two_users(&backend).await?;
    let mut tx = backend.begin().await?;
    for (key_id, user, created) in [
        ("key0000001", &ann, 5),
        ("key0000002", &ann, 9),
        ("key0000003", &bob, 7),
        ("key0000004", &ann, 1),
    ] {
        let key = ApiKey {
            created_at: at(created),
            ..fixture::api_key(key_id, user, "")
        };
        tx.api_keys().insert(&key).await?;
    }
    let found = tx.api_keys().list(ann.id).await?;
    assert_texts(
        &found,
        |key| &key.id,
        &["key0000002", "key0000001", "key0000004"],
    );
    assert!(tx.api_keys().list(id(9)).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// A use changes two times of one key.
pub async fn touch(backend: Backend) -> Outcome {
    let (ann, _) = two_users(&backend).await?;
    let mut tx = backend.begin().await?;
    let (one, two) = (
        fixture::api_key("key0000001", &ann, ""),
        fixture::api_key("key0000002", &ann, ""),
    );
    tx.api_keys().insert(&one).await?;
    tx.api_keys().insert(&two).await?;
    tx.api_keys().touch("key0000001", at(50), at(5_000)).await?;
    tx.api_keys().touch("key0000009", at(50), at(5_000)).await?;
    let expected = ApiKey {
        last_used: at(50),
        expires_at: at(5_000),
        ..one
    };
    assert_eq!(tx.api_keys().get("key0000001").await?, Some(expected));
    assert_eq!(tx.api_keys().get("key0000002").await?, Some(two));
    tx.rollback().await?;
    Ok(())
}

/// Keys are removed one by one, by user, and when they have ended.
pub async fn delete(backend: Backend) -> Outcome {
    let (ann, bob) = two_users(&backend).await?;
    let mut tx = backend.begin().await?;
    for (key_id, user, expires) in [
        ("key0000001", &ann, 100),
        ("key0000002", &ann, 101),
        ("key0000003", &ann, 102),
        ("key0000004", &bob, 103),
        ("key0000005", &bob, 104),
    ] {
        let key = ApiKey {
            expires_at: at(expires),
            ..fixture::api_key(key_id, user, "")
        };
        tx.api_keys().insert(&key).await?;
    }
    assert_eq!(tx.api_keys().delete_expired(at(101)).await?, 1);
    assert_eq!(tx.api_keys().get("key0000001").await?, None);
    assert_eq!(tx.api_keys().delete_expired(at(101)).await?, 0);
    tx.api_keys().delete("key0000004").await?;
    tx.api_keys().delete("key0000004").await?;
    assert_eq!(tx.api_keys().get("key0000004").await?, None);
    tx.api_keys().delete_of_user(ann.id).await?;
    assert!(tx.api_keys().list(ann.id).await?.is_empty());
    assert_eq!(tx.api_keys().list(bob.id).await?.len(), 1);
    tx.rollback().await?;
    Ok(())
}

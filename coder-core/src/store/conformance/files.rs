//! Uploaded archives.

use super::{
    backend::{Backend, Outcome, assert_conflict},
    fixture::{self, id},
};
use crate::file::File;

/// What was inserted is found by id, byte by byte, and by hash and uploader.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    let (ann, bob) = (fixture::user(1, "ann"), fixture::user(2, "bob"));
    tx.users().insert(&ann).await?;
    tx.users().insert(&bob).await?;
    let file = File {
        data: (0..=255).collect(),
        ..fixture::file(1, &ann)
    };
    let empty = File {
        data: Vec::new(),
        ..fixture::file(2, &ann)
    };
    tx.files().insert(&file).await?;
    tx.files().insert(&empty).await?;
    assert_eq!(tx.files().get(file.id).await?, Some(file.clone()));
    assert_eq!(tx.files().get(empty.id).await?, Some(empty));
    assert_eq!(tx.files().get(id(9)).await?, None);
    assert_eq!(tx.files().find(&file.hash, ann.id).await?, Some(file.id));
    assert_eq!(tx.files().find(&file.hash, bob.id).await?, None);
    assert_eq!(tx.files().find("00", ann.id).await?, None);
    tx.rollback().await?;
    Ok(())
}

/// The same bytes are kept once per uploader.
pub async fn conflicts(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    let (ann, bob) = (fixture::user(1, "ann"), fixture::user(2, "bob"));
    tx.users().insert(&ann).await?;
    tx.users().insert(&bob).await?;
    let file = fixture::file(1, &ann);
    tx.files().insert(&file).await?;
    let of_bob = File {
        id: id(2),
        created_by: bob.id,
        ..file.clone()
    };
    tx.files().insert(&of_bob).await?;
    let again = File { id: id(3), ..file };
    assert_conflict(tx.files().insert(&again).await, "files_hash_created_by_key");
    tx.rollback().await?;
    Ok(())
}

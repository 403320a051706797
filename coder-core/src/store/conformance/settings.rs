//! Facts of the deployment.

use super::backend::{Backend, Outcome};

/// A key is set, read and replaced; `get_or_insert` keeps what is there.
pub async fn set_and_get(backend: Backend) -> Outcome {
    let mut tx = backend.begin().await?;
    assert_eq!(tx.settings().get("deployment_id").await?, None);
    let first = tx.settings().get_or_insert("deployment_id", "one").await?;
    let second = tx.settings().get_or_insert("deployment_id", "two").await?;
    assert_eq!((first.as_str(), second.as_str()), ("one", "one"));
    tx.settings().set("other", "").await?;
    tx.commit().await?;

    let mut tx = backend.begin().await?;
    let kept = tx
        .settings()
        .get_or_insert("deployment_id", "three")
        .await?;
    assert_eq!(kept, "one");
    tx.settings().set("deployment_id", "four").await?;
    let found = tx.settings().get("deployment_id").await?;
    assert_eq!(found.as_deref(), Some("four"));
    assert_eq!(tx.settings().get("other").await?.as_deref(), Some(""));
    assert_eq!(tx.settings().get("Other").await?, None);
    tx.rollback().await?;
    Ok(())
}

//! Daemons.

use super::{
    World,
    backend::{Backend, Outcome, assert_same, assert_texts, present},
    fixture::{self, at, id},
};
use crate::{
    provisioner_daemon::ProvisionerDaemon,
    provisioner_job::{ProvisionerJob, ProvisionerType},
};

/// A daemon is added, or replaces the one of the same organization and name.
pub async fn upsert(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let organization = world.organization.id;
    let mut tx = backend.begin().await?;
    let mut first = fixture::daemon(1, organization, "one");
    first.tags.insert("gpu".to_owned(), "yes".to_owned());
    let daemons = tx.provisioner_daemons();
    assert_eq!(daemons.upsert(&first).await?, first);
    assert_eq!(daemons.get(id(1)).await?, Some(first.clone()));
    let second = ProvisionerDaemon {
        version: "v2".to_owned(),
        api_version: "1.1".to_owned(),
        key_id: id(7),
        provisioners: vec![ProvisionerType::Terraform],
        created_at: at(500),
        last_seen_at: None,
        ..fixture::daemon(2, organization, "one")
    };
    let expected = ProvisionerDaemon {
        id: first.id,
        created_at: first.created_at,
        ..second.clone()
    };
    assert_eq!(daemons.upsert(&second).await?, expected);
    assert_eq!(daemons.get(id(1)).await?, Some(expected));
    assert_eq!(daemons.get(id(2)).await?, None);

    let other = fixture::organization(2, "other");
    tx.organizations().insert(&other).await?;
    let elsewhere = fixture::daemon(3, other.id, "one");
    assert_eq!(
        tx.provisioner_daemons().upsert(&elsewhere).await?,
        elsewhere
    );
    tx.rollback().await?;
    Ok(())
}

/// An organization's daemons are listed oldest first; several are found by id.
pub async fn list_and_get_many(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    for (number, name, created) in [(1, "b", 50), (2, "c", 40), (3, "a", 60)] {
        let mut daemon = fixture::daemon(number, world.organization.id, name);
        daemon.created_at = at(created);
        tx.provisioner_daemons().upsert(&daemon).await?;
    }
    let daemons = tx.provisioner_daemons();
    let found = daemons.list(world.organization.id).await?;
    assert_texts(&found, |row| &row.name, &["c", "b", "a"]);
    assert!(daemons.list(id(9)).await?.is_empty());
    let found = daemons.get_many(&[id(3), id(9), id(1), id(3)]).await?;
    assert_same(found.iter().map(|row| row.id), [id(1), id(3)]);
    assert!(daemons.get_many(&[]).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// A sign of life changes one column; the silent are removed, and their jobs stay as they are.
pub async fn touch_and_delete_unseen(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    for (number, seen) in [(1, Some(95)), (2, Some(200)), (3, None)] {
        let daemon = ProvisionerDaemon {
            last_seen_at: seen.map(at),
            ..fixture::daemon(number, world.organization.id, &format!("d{number}"))
        };
        tx.provisioner_daemons().upsert(&daemon).await?;
    }
    let job = ProvisionerJob {
        started_at: Some(at(90)),
        worker_id: Some(id(1)),
        lease: Some(id(1)),
        ..world.job(2)
    };
    tx.provisioner_jobs().insert(&job).await?;
    let daemons = tx.provisioner_daemons();
    assert_eq!(daemons.delete_unseen(at(90)).await?, 0);
    daemons.touch(id(2), at(300)).await?;
    daemons.touch(id(9), at(300)).await?;
    let found = present(daemons.get(id(2)).await?)?;
    assert_eq!(found.last_seen_at, Some(at(300)));
    // The one that was never seen counts from when it was made, 90 seconds after the begin.
    assert_eq!(daemons.delete_unseen(at(300)).await?, 2);
    let left = daemons.list(world.organization.id).await?;
    assert_texts(&left, |row| &row.name, &["d2"]);
    assert_eq!(tx.provisioner_jobs().get(id(2)).await?, Some(job));
    tx.rollback().await?;
    Ok(())
}

//! Heartbeats, cancels and ends of jobs.

use super::{
    World,
    backend::{Backend, Failure, Outcome, present},
    fixture::{at, id},
    start,
};
use crate::{
    provisioner_job::{JobStatus, ProvisionerJob},
    store::{JobEnd, Transaction},
};

async fn job(tx: &mut dyn Transaction) -> Result<ProvisionerJob, Failure> {
    Ok(present(tx.provisioner_jobs().get(id(2)).await?)?)
}

/// Only the present claim of a running job has a heartbeat.
pub async fn heartbeat(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let pending = world.add_job(&mut *tx, 2).await?;
    assert!(
        !tx.provisioner_jobs()
            .heartbeat(pending.id, id(1), at(310))
            .await?
    );
    let lease = start(&mut *tx, &world, pending.id).await?;
    let running = job(&mut *tx).await?;
    assert!(
        !tx.provisioner_jobs()
            .heartbeat(pending.id, id(9), at(311))
            .await?
    );
    assert!(
        !tx.provisioner_jobs()
            .heartbeat(id(9), lease, at(312))
            .await?
    );
    assert_eq!(job(&mut *tx).await?, running);
    assert!(
        tx.provisioner_jobs()
            .heartbeat(pending.id, lease, at(313))
            .await?
    );
    let expected = ProvisionerJob {
        updated_at: at(313),
        ..running
    };
    assert_eq!(job(&mut *tx).await?, expected);

    assert!(tx.provisioner_jobs().cancel(pending.id, at(320)).await?);
    assert!(
        tx.provisioner_jobs()
            .heartbeat(pending.id, lease, at(321))
            .await?
    );
    assert!(super::finish(&mut *tx, pending.id, None).await?);
    let ended = job(&mut *tx).await?;
    assert!(
        !tx.provisioner_jobs()
            .heartbeat(pending.id, lease, at(500))
            .await?
    );
    assert_eq!(job(&mut *tx).await?, ended);
    tx.rollback().await?;
    Ok(())
}

/// A pending job that is canceled ends at once.
pub async fn cancel_pending(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let pending = world.add_job(&mut *tx, 2).await?;
    assert!(tx.provisioner_jobs().cancel(pending.id, at(310)).await?);
    let expected = ProvisionerJob {
        canceled_at: Some(at(310)),
        completed_at: Some(at(310)),
        ..pending
    };
    assert_eq!(expected.status(), JobStatus::Canceled);
    assert_eq!(job(&mut *tx).await?, expected);
    assert!(!tx.provisioner_jobs().cancel(id(2), at(320)).await?);
    assert!(!tx.provisioner_jobs().cancel(id(9), at(320)).await?);
    assert_eq!(job(&mut *tx).await?, expected);
    tx.rollback().await?;
    Ok(())
}

/// A running job that is canceled runs on until its daemon ends it.
pub async fn cancel_running(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_job(&mut *tx, 2).await?;
    let lease = start(&mut *tx, &world, id(2)).await?;
    let running = job(&mut *tx).await?;
    assert!(tx.provisioner_jobs().cancel(id(2), at(310)).await?);
    let canceling = ProvisionerJob {
        canceled_at: Some(at(310)),
        ..running
    };
    assert_eq!(canceling.status(), JobStatus::Canceling);
    assert_eq!(job(&mut *tx).await?, canceling);
    assert!(!tx.provisioner_jobs().cancel(id(2), at(320)).await?);
    let end = JobEnd::default();
    let ended = tx
        .provisioner_jobs()
        .finish(id(2), Some(lease), &end, at(330))
        .await?;
    assert!(ended);
    let expected = ProvisionerJob {
        completed_at: Some(at(330)),
        updated_at: at(330),
        ..canceling
    };
    assert_eq!(expected.status(), JobStatus::Canceled);
    assert_eq!(job(&mut *tx).await?, expected);
    assert!(!tx.provisioner_jobs().cancel(id(2), at(340)).await?);
    tx.rollback().await?;
    Ok(())
}

/// A cancel that comes when all is done already has no effect.
pub async fn cancel_too_late(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_job(&mut *tx, 2).await?;
    let lease = start(&mut *tx, &world, id(2)).await?;
    assert!(tx.provisioner_jobs().cancel(id(2), at(310)).await?);
    let end = JobEnd {
        done: true,
        ..JobEnd::default()
    };
    let ended = tx
        .provisioner_jobs()
        .finish(id(2), Some(lease), &end, at(330))
        .await?;
    assert!(ended);
    let found = job(&mut *tx).await?;
    assert_eq!(found.status(), JobStatus::Succeeded);
    assert_eq!(found.canceled_at, None);
    tx.rollback().await?;
    Ok(())
}

/// Only the present claim ends a job, and only once.
pub async fn finish_is_fenced(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_job(&mut *tx, 2).await?;
    let failed = JobEnd {
        error: Some("no".to_owned()),
        ..JobEnd::default()
    };
    let well = JobEnd::default();
    // Nobody has claimed it yet.
    let ended = tx
        .provisioner_jobs()
        .finish(id(2), Some(id(1)), &well, at(310))
        .await?;
    assert!(!ended);
    let lease = start(&mut *tx, &world, id(2)).await?;
    let running = job(&mut *tx).await?;
    let ended = tx
        .provisioner_jobs()
        .finish(id(2), Some(id(9)), &failed, at(311))
        .await?;
    assert!(!ended);
    let ended = tx
        .provisioner_jobs()
        .finish(id(9), Some(lease), &failed, at(312))
        .await?;
    assert!(!ended);
    assert_eq!(job(&mut *tx).await?, running);
    let ended = tx
        .provisioner_jobs()
        .finish(id(2), Some(lease), &well, at(313))
        .await?;
    assert!(ended);
    let succeeded = ProvisionerJob {
        completed_at: Some(at(313)),
        updated_at: at(313),
        ..running
    };
    assert_eq!(succeeded.status(), JobStatus::Succeeded);
    assert_eq!(job(&mut *tx).await?, succeeded);
    for again in [Some(lease), None] {
        let ended = tx
            .provisioner_jobs()
            .finish(id(2), again, &failed, at(314))
            .await?;
        assert!(!ended);
    }
    assert_eq!(job(&mut *tx).await?, succeeded);
    tx.rollback().await?;
    Ok(())
}

/// The platform ends a job without a lease, whether it waits or runs.
pub async fn finish_by_the_platform(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_job(&mut *tx, 2).await?;
    start(&mut *tx, &world, id(2)).await?;
    world.add_job(&mut *tx, 3).await?;
    for number in [2, 3] {
        assert!(super::finish(&mut *tx, id(number), Some("it hung")).await?);
        let found = present(tx.provisioner_jobs().get(id(number)).await?)?;
        assert_eq!(found.status(), JobStatus::Failed);
        assert_eq!(found.error.as_deref(), Some("it hung"));
        assert_eq!(found.completed_at, Some(at(400)));
        assert!(!super::finish(&mut *tx, id(number), None).await?);
    }
    assert!(!super::finish(&mut *tx, id(9), None).await?);
    tx.rollback().await?;
    Ok(())
}

/// A claim is given back to the queue, unless it is lost, the job has ended, or it was heard of.
pub async fn release(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let pending = world.add_job(&mut *tx, 2).await?;
    let lease = start(&mut *tx, &world, pending.id).await?;
    let jobs = tx.provisioner_jobs();
    assert!(!jobs.release(pending.id, id(9), false, at(310)).await?);
    assert!(jobs.heartbeat(pending.id, lease, at(900)).await?);
    assert!(!jobs.release(pending.id, lease, true, at(910)).await?);
    assert!(jobs.release(pending.id, lease, false, at(920)).await?);
    let expected = ProvisionerJob {
        updated_at: at(920),
        ..pending.clone()
    };
    assert_eq!(job(&mut *tx).await?, expected);

    let lease = start(&mut *tx, &world, pending.id).await?;
    assert!(tx.provisioner_jobs().cancel(pending.id, at(930)).await?);
    let jobs = tx.provisioner_jobs();
    assert!(jobs.release(pending.id, lease, true, at(940)).await?);
    assert_eq!(job(&mut *tx).await?.status(), JobStatus::Canceled);
    let jobs = tx.provisioner_jobs();
    assert!(!jobs.release(pending.id, lease, false, at(950)).await?);
    tx.rollback().await?;
    Ok(())
}

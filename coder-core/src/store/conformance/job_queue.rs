//! The queue: who gets which job.

use super::{
    World,
    backend::{Backend, Failure, Outcome, assert_same},
    fixture::{self, at, id},
};
use crate::{
    id::ProvisionerJobId,
    job_queue::PREBUILDS,
    provisioner_job::{JobFilter, JobStatus, ProvisionerJob, ProvisionerType, QueuePosition},
    store::{ClaimJob, Page, Transaction},
};
use futures_util::future::join_all;

/// Of the jobs whose turn it is, the oldest is given, with everything that a claim sets.
pub async fn oldest_first(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    for (number, name) in [(2, "bob"), (3, "cid"), (4, "dot")] {
        tx.users().insert(&fixture::user(number, name)).await?;
    }
    let claim = world.claim(1);
    assert_eq!(tx.provisioner_jobs().claim(&claim).await?, None);
    for (number, created) in [(2, 500), (3, 300), (4, 400)] {
        let job = ProvisionerJob {
            created_at: at(created),
            initiator_id: id(number),
            ..world.job(number)
        };
        tx.provisioner_jobs().insert(&job).await?;
    }
    let claim = ClaimJob {
        now: at(600),
        ..claim
    };
    let expected = ProvisionerJob {
        created_at: at(300),
        updated_at: at(600),
        started_at: Some(at(600)),
        worker_id: Some(claim.worker_id),
        lease: Some(claim.lease),
        initiator_id: id(3),
        ..world.job(3)
    };
    let claimed = tx.provisioner_jobs().claim(&claim).await?;
    assert_eq!(claimed, Some(expected.clone()));
    assert_eq!(tx.provisioner_jobs().get(id(3)).await?, Some(expected));
    for number in [4, 2] {
        let claimed = tx.provisioner_jobs().claim(&claim).await?;
        assert_eq!(claimed.map(|job| job.id), Some(id(number)));
    }
    assert_eq!(tx.provisioner_jobs().claim(&claim).await?, None);
    tx.rollback().await?;
    Ok(())
}

/// Only jobs of the daemon's organization and types are given.
pub async fn organization_and_type(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let other = fixture::organization(2, "other");
    tx.organizations().insert(&other).await?;
    let foreign = ProvisionerJob {
        organization_id: other.id,
        ..world.job(2)
    };
    tx.provisioner_jobs().insert(&foreign).await?;
    let terraform = ProvisionerJob {
        provisioner: ProvisionerType::Terraform,
        created_at: at(500),
        ..world.job(3)
    };
    tx.provisioner_jobs().insert(&terraform).await?;
    let of_types = |types: &[ProvisionerType]| ClaimJob {
        provisioners: types.to_vec(),
        ..world.claim(1)
    };
    assert_claim(&mut *tx, &of_types(&[]), None).await?;
    assert_claim(&mut *tx, &of_types(&[ProvisionerType::Echo]), None).await?;
    let both = [ProvisionerType::Echo, ProvisionerType::Terraform];
    assert_claim(&mut *tx, &of_types(&both), Some(3)).await?;
    let claim = ClaimJob {
        organization_id: other.id,
        ..world.claim(1)
    };
    assert_claim(&mut *tx, &claim, Some(2)).await?;
    tx.rollback().await?;
    Ok(())
}

/// A job without tags of its own needs a daemon without; others a daemon with all of theirs.
pub async fn tags(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let plain = world.job(2);
    let mut gpu = world.job(3);
    gpu.tags.insert("gpu".to_owned(), "yes".to_owned());
    let mut personal = world.job(4);
    personal.tags.insert("scope".to_owned(), "user".to_owned());
    personal
        .tags
        .insert("owner".to_owned(), world.user.id.to_string());
    for job in [&plain, &gpu, &personal] {
        tx.provisioner_jobs().insert(job).await?;
    }
    let with = |tags: &[(&str, &str)]| {
        let mut claim = world.claim(1);
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        claim.tags.extend(tags);
        claim
    };
    let owner = world.user.id.to_string();
    assert_claim(&mut *tx, &with(&[("gpu", "no")]), None).await?;
    assert_claim(&mut *tx, &with(&[("region", "eu")]), None).await?;
    assert_claim(&mut *tx, &with(&[("scope", "user"), ("owner", "x")]), None).await?;
    let claim = with(&[("gpu", "yes"), ("region", "eu")]);
    assert_claim(&mut *tx, &claim, Some(3)).await?;
    assert_claim(&mut *tx, &claim, None).await?;
    let claim = with(&[("scope", "user"), ("owner", &owner)]);
    assert_claim(&mut *tx, &claim, Some(4)).await?;
    assert_claim(&mut *tx, &claim, None).await?;
    assert_claim(&mut *tx, &with(&[]), Some(2)).await?;
    tx.rollback().await?;
    Ok(())
}

/// Jobs that were canceled or ended while they waited are not given.
pub async fn only_pending(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_job(&mut *tx, 2).await?;
    world.add_job(&mut *tx, 3).await?;
    assert!(tx.provisioner_jobs().cancel(id(2), at(200)).await?);
    assert!(super::finish(&mut *tx, id(3), Some("nobody came")).await?);
    assert_claim(&mut *tx, &world.claim(1), None).await?;
    tx.rollback().await?;
    Ok(())
}

/// A claim that is rolled back gives the job back.
pub async fn rollback_gives_back(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_job(&mut *tx, 2).await?;
    tx.commit().await?;
    for _ in 0..2 {
        let mut tx = backend.begin().await?;
        assert_claim(&mut *tx, &world.claim(1), Some(2)).await?;
        tx.rollback().await?;
    }
    Ok(())
}

/// However many daemons ask at once, every job is given once, and none is left.
pub async fn never_given_twice(backend: Backend) -> Outcome {
    const JOBS: u128 = 20;
    const DAEMONS: u128 = 8;
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    for number in 0..JOBS {
        world.add_job(&mut *tx, 100 + number).await?;
    }
    tx.commit().await?;
    let daemons = (1..=DAEMONS).map(|number| drain(&backend, world.claim(number)));
    let given: Result<Vec<_>, Failure> = join_all(daemons).await.into_iter().collect();
    let given: Vec<ProvisionerJobId> = given?.concat();
    assert_same(given, (0..JOBS).map(|number| id(100 + number)));
    Ok(())
}

/// Claims until there is nothing left.
async fn drain(backend: &Backend, claim: ClaimJob) -> Result<Vec<ProvisionerJobId>, Failure> {
    let mut given = Vec::new();
    loop {
        let mut tx = backend.begin().await?;
        let Some(job) = tx.provisioner_jobs().claim(&claim).await? else {
            tx.rollback().await?;
            // What another daemon has claimed but not committed may have been skipped.
            if all_started(backend, &claim).await? {
                return Ok(given);
            }
            continue;
        };
        assert_eq!(job.worker_id, Some(claim.worker_id));
        given.push(job.id);
        tx.commit().await?;
    }
}

async fn all_started(backend: &Backend, claim: &ClaimJob) -> Result<bool, Failure> {
    let filter = JobFilter {
        status: vec![JobStatus::Pending],
        ..JobFilter::default()
    };
    let mut tx = backend.begin().await?;
    let jobs = tx.provisioner_jobs();
    let pending = jobs.list(claim.organization_id, &filter, Page::ALL).await?;
    tx.rollback().await?;
    Ok(pending.is_empty())
}

/// Users take turns: who queues many jobs does not keep others waiting, and positions say so.
pub async fn users_take_turns(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    for (number, name) in [(2, "bob"), (3, "cid")] {
        tx.users().insert(&fixture::user(number, name)).await?;
    }
    let of = |number: u128, user: u128| ProvisionerJob {
        created_at: at(i64::try_from(number).unwrap_or(0)),
        initiator_id: id(user),
        ..world.job(number)
    };
    // A hundred of one user, of which two are given at once.
    for number in 100..200 {
        tx.provisioner_jobs().insert(&of(number, 1)).await?;
    }
    assert_claim(&mut *tx, &world.claim(1), Some(100)).await?;
    assert_claim(&mut *tx, &world.claim(1), Some(101)).await?;
    for (number, user) in [(200, 2), (201, 2), (202, 3)] {
        tx.provisioner_jobs().insert(&of(number, user)).await?;
    }
    let place = |position| QueuePosition {
        position,
        size: 101,
    };
    let ids = [200, 202, 102, 103, 201, 104, 199].map(id);
    let mut found = tx.provisioner_jobs().queue_positions(&ids).await?;
    found.sort_by_key(|(_, place)| place.position);
    let mut expected = Vec::new();
    for (number, position) in [(200, 1), (202, 2), (102, 3), (103, 4), (201, 5), (104, 6)] {
        expected.push((id(number), place(position)));
    }
    expected.push((id(199), place(101)));
    assert_eq!(found, expected);
    for number in [200, 202, 102, 103, 201, 104] {
        assert_claim(&mut *tx, &world.claim(1), Some(number)).await?;
    }
    tx.rollback().await?;
    Ok(())
}

/// Each set of tags has turns of its own, and a user whose jobs are over begins anew.
pub async fn turns_of_other_queues(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    tx.users().insert(&fixture::user(2, "bob")).await?;
    let tagged = |number: u128, user: u128| {
        let mut job = world.job(number);
        job.initiator_id = id(user);
        job.tags.insert("gpu".to_owned(), "yes".to_owned());
        job
    };
    // Nobody can run these.
    for number in 100..110 {
        tx.provisioner_jobs().insert(&tagged(number, 1)).await?;
    }
    // They set their owner back in no other queue.
    world.add_job(&mut *tx, 2).await?;
    let later = ProvisionerJob {
        initiator_id: id(2),
        created_at: at(900),
        ..world.job(3)
    };
    tx.provisioner_jobs().insert(&later).await?;
    assert_claim(&mut *tx, &world.claim(1), Some(2)).await?;
    assert_claim(&mut *tx, &world.claim(1), Some(3)).await?;
    for number in [2, 3] {
        assert!(super::finish(&mut *tx, id(number), None).await?);
    }
    // Both are as new, so the older job goes first.
    let newer = ProvisionerJob {
        created_at: at(950),
        ..world.job(4)
    };
    tx.provisioner_jobs().insert(&newer).await?;
    let older = ProvisionerJob {
        initiator_id: id(2),
        created_at: at(940),
        ..world.job(5)
    };
    tx.provisioner_jobs().insert(&older).await?;
    assert_claim(&mut *tx, &world.claim(1), Some(5)).await?;
    assert_claim(&mut *tx, &world.claim(1), Some(4)).await?;
    tx.rollback().await?;
    Ok(())
}

/// What people wait for goes before what is made in advance.
pub async fn people_before_prebuilds(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let mut system = fixture::user(2, "prebuilds");
    system.id = PREBUILDS;
    tx.users().insert(&system).await?;
    let prebuild = ProvisionerJob {
        initiator_id: PREBUILDS,
        created_at: at(1),
        ..world.job(2)
    };
    tx.provisioner_jobs().insert(&prebuild).await?;
    for number in [3, 4] {
        world.add_job(&mut *tx, number).await?;
    }
    for number in [3, 4, 2] {
        assert_claim(&mut *tx, &world.claim(1), Some(number)).await?;
    }
    tx.rollback().await?;
    Ok(())
}

/// Positions count the pending jobs of the same organization, type and tags.
pub async fn positions(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let other = fixture::organization(2, "other");
    tx.organizations().insert(&other).await?;
    for (number, name) in [(2, "bob"), (3, "cid"), (4, "dot"), (5, "eve")] {
        tx.users().insert(&fixture::user(number, name)).await?;
    }
    let all = [
        (2, 100),
        (3, 400),
        (4, 200),
        (5, 300),
        (6, 250),
        (7, 260),
        (8, 150),
    ];
    for (number, created) in all {
        let mut job = ProvisionerJob {
            created_at: at(created),
            ..world.job(number)
        };
        if number == 6 {
            job.provisioner = ProvisionerType::Terraform;
        }
        if number == 7 {
            job.organization_id = other.id;
        }
        if number == 8 {
            job.tags.insert("gpu".to_owned(), "yes".to_owned());
        }
        if number < 6 {
            job.initiator_id = id(number);
        }
        tx.provisioner_jobs().insert(&job).await?;
    }
    super::start(&mut *tx, &world, id(2)).await?;
    let place = |position, size| QueuePosition { position, size };
    let ids: Vec<ProvisionerJobId> = [1, 2, 3, 4, 5, 6, 7, 8, 99, 3].map(id).into();
    let mut found = tx.provisioner_jobs().queue_positions(&ids).await?;
    found.sort_by_key(|(job, _)| *job);
    let expected = [
        (id(3), place(3, 3)),
        (id(4), place(1, 3)),
        (id(5), place(2, 3)),
        (id(6), place(1, 1)),
        (id(7), place(1, 1)),
        (id(8), place(1, 1)),
    ];
    assert_eq!(found, expected);
    let found = tx.provisioner_jobs().queue_positions(&[id(5)]).await?;
    assert_eq!(found, [(id(5), place(2, 3))]);
    assert!(tx.provisioner_jobs().queue_positions(&[]).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// Jobs that run silently or wait too long, oldest first.
pub async fn stale(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    for (number, created) in [(2, 100), (3, 110), (4, 120), (5, 130), (6, 140), (7, 900)] {
        let job = ProvisionerJob {
            created_at: at(created),
            ..world.job(number)
        };
        tx.provisioner_jobs().insert(&job).await?;
    }
    // 2 runs silently, 3 was heard of, 4 has ended, 5 is being canceled, 6 waits too long, 7 does not.
    for number in [2, 3, 4, 5] {
        super::start(&mut *tx, &world, id(number)).await?;
    }
    assert!(
        tx.provisioner_jobs()
            .heartbeat(id(3), id(1), at(800))
            .await?
    );
    assert!(super::finish(&mut *tx, id(4), None).await?);
    assert!(tx.provisioner_jobs().cancel(id(5), at(800)).await?);
    let cases: [(i64, i64, u32, &[u128]); 5] = [
        (500, 500, 10, &[2, 5, 6]),
        (500, 500, 2, &[2, 5]),
        (300, 140, 10, &[]),
        (801, 0, 10, &[2, 3, 5]),
        (0, 901, 10, &[6, 7]),
    ];
    for (running, pending, limit, expected) in cases {
        let jobs = tx.provisioner_jobs();
        let found = jobs.stale(at(running), at(pending), limit).await?;
        let found: Vec<u128> = found.iter().map(|job| job.id.0.as_u128()).collect();
        assert_eq!(found, expected, "{running} {pending} {limit}");
    }
    tx.rollback().await?;
    Ok(())
}

/// Checks which job a claim gives.
async fn assert_claim(
    tx: &mut dyn Transaction,
    claim: &ClaimJob,
    expected: Option<u128>,
) -> Outcome {
    let claimed = tx.provisioner_jobs().claim(claim).await?;
    let claimed = claimed.map(|job| job.id.0.as_u128());
    assert_eq!(claimed, expected, "{:?}", claim.tags);
    Ok(())
}

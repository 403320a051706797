//! Jobs: finding, listing and timings.

use super::{
    World,
    backend::{Backend, Outcome, assert_conflict, assert_same},
    finish,
    fixture::{at, id},
    start,
};
use crate::{
    parameter::ParameterValue,
    provisioner_job::{
        JobErrorCode, JobFilter, JobInput, JobStatus, JobTiming, ProvisionerJob, ProvisionerType,
    },
    secret::Secret,
    store::{JobEnd, Page},
    template_version::VariableValue,
};

/// What was inserted is found by id, whole; nothing else is.
pub async fn insert_and_find(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let plain = world.add_job(&mut *tx, 2).await?;
    let mut full = world.job(3);
    full.provisioner = ProvisionerType::Terraform;
    full.tags.insert("gpu".to_owned(), "yes".to_owned());
    full.started_at = Some(at(301));
    full.canceled_at = Some(at(302));
    full.completed_at = Some(at(303));
    full.error = Some("out of space".to_owned());
    full.error_code = Some(JobErrorCode::InsufficientQuota);
    full.worker_id = Some(id(7));
    full.lease = Some(id(8));
    tx.provisioner_jobs().insert(&full).await?;
    let jobs = tx.provisioner_jobs();
    assert_eq!(jobs.get(plain.id).await?, Some(plain.clone()));
    assert_eq!(jobs.get(full.id).await?, Some(full.clone()));
    assert_eq!(jobs.get(id(9)).await?, None);
    assert_eq!(jobs.get_for_update(full.id).await?, Some(full.clone()));
    assert_eq!(jobs.get_for_update(id(9)).await?, None);
    let found = jobs.get_many(&[id(3), id(9), id(2), id(3)]).await?;
    assert_same(found.iter().map(|job| job.id), [plain.id, full.id]);
    assert!(jobs.get_many(&[]).await?.is_empty());
    assert_conflict(jobs.insert(&full).await, "provisioner_jobs_pkey");
    tx.rollback().await?;
    Ok(())
}

/// Every input comes back as it was.
pub async fn inputs(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let inputs = [
        JobInput::TemplateVersionImport {
            template_version_id: id(1),
            user_variable_values: vec![VariableValue {
                name: "token".to_owned(),
                value: Secret::new("hunter2"),
            }],
        },
        JobInput::TemplateVersionDryRun {
            template_version_id: id(1),
            workspace_name: "imagined".to_owned(),
            rich_parameter_values: vec![ParameterValue {
                name: "size".to_owned(),
                value: "\"3\" ä".to_owned(),
            }],
        },
        JobInput::WorkspaceBuild {
            workspace_build_id: id(5),
            debug_logs: true,
        },
    ];
    for (number, input) in (2..).zip(inputs) {
        let job = ProvisionerJob {
            input,
            ..world.job(number)
        };
        tx.provisioner_jobs().insert(&job).await?;
        assert_eq!(tx.provisioner_jobs().get(job.id).await?, Some(job));
    }
    tx.rollback().await?;
    Ok(())
}

/// An organization's jobs are listed newest first, in pages.
pub async fn list_order_and_pages(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    for (number, created) in [(2, 500), (3, 700), (4, 600)] {
        let job = ProvisionerJob {
            created_at: at(created),
            ..world.job(number)
        };
        tx.provisioner_jobs().insert(&job).await?;
    }
    let filter = JobFilter::default();
    // Number 1 is the import of the world itself.
    let cases: [(u32, u32, &[u128]); 3] = [(0, 0, &[3, 4, 2, 1]), (1, 2, &[4, 2]), (3, 9, &[1])];
    for (offset, limit, expected) in cases {
        let page = Page { offset, limit };
        let found = tx.provisioner_jobs().list(id(1), &filter, page).await?;
        assert_eq!(numbers(&found), expected);
    }
    let found = tx
        .provisioner_jobs()
        .list(id(9), &filter, Page::ALL)
        .await?;
    assert!(found.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// Every field of the filter narrows the list.
pub async fn list_filters(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let bob = super::fixture::user(2, "bob");
    tx.users().insert(&bob).await?;
    // Ended ones wait longest, so that each claim takes the one that is meant.
    for (number, created) in [(2, 10), (3, 20), (4, 30), (5, 40), (6, 50)] {
        let mut job = ProvisionerJob {
            created_at: at(created),
            ..world.job(number)
        };
        if number == 6 {
            job.tags.insert("gpu".to_owned(), "yes".to_owned());
            job.initiator_id = bob.id;
        }
        tx.provisioner_jobs().insert(&job).await?;
    }
    start(&mut *tx, &world, id(2)).await?;
    finish(&mut *tx, id(2), Some("no")).await?;
    start(&mut *tx, &world, id(3)).await?;
    tx.provisioner_jobs().cancel(id(3), at(350)).await?;
    start(&mut *tx, &world, id(4)).await?;
    tx.provisioner_jobs().cancel(id(5), at(350)).await?;

    let any = JobFilter::default;
    let status = |status: &[JobStatus]| JobFilter {
        status: status.to_vec(),
        ..JobFilter::default()
    };
    let tags = |key: &str, value: &str| JobFilter {
        tags: [(key.to_owned(), value.to_owned())].into(),
        ..JobFilter::default()
    };
    let cases: [(JobFilter, &[u128]); 13] = [
        (any(), &[1, 2, 3, 4, 5, 6]),
        (
            JobFilter {
                ids: vec![id(3), id(9), id(1)],
                ..any()
            },
            &[1, 3],
        ),
        (status(&[JobStatus::Succeeded]), &[1]),
        (status(&[JobStatus::Failed]), &[2]),
        (status(&[JobStatus::Canceling]), &[3]),
        (status(&[JobStatus::Running]), &[4]),
        (status(&[JobStatus::Canceled]), &[5]),
        (status(&[JobStatus::Pending]), &[6]),
        (status(&[JobStatus::Pending, JobStatus::Running]), &[4, 6]),
        (tags("gpu", "yes"), &[6]),
        (tags("gpu", "no"), &[]),
        (tags("scope", "organization"), &[1, 2, 3, 4, 5, 6]),
        (
            JobFilter {
                initiator_id: Some(bob.id),
                ..any()
            },
            &[6],
        ),
    ];
    for (filter, expected) in cases {
        let found = tx
            .provisioner_jobs()
            .list(id(1), &filter, Page::ALL)
            .await?;
        let mut found = numbers(&found);
        found.sort_unstable();
        assert_eq!(found, expected, "{filter:?}");
    }
    tx.rollback().await?;
    Ok(())
}

/// Timings are added and come by start.
pub async fn timings(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let job = world.add_job(&mut *tx, 2).await?;
    let timing = |begin: i64, stage: &str| JobTiming {
        started_at: at(begin),
        ended_at: at(begin + 2),
        stage: stage.to_owned(),
        source: "coder".to_owned(),
        action: "create".to_owned(),
        resource: "coder_agent.main".to_owned(),
    };
    let jobs = tx.provisioner_jobs();
    jobs.append_timings(job.id, &[timing(30, "apply"), timing(10, "init")])
        .await?;
    jobs.append_timings(job.id, &[timing(20, "plan")]).await?;
    jobs.append_timings(job.id, &[]).await?;
    let expected = [timing(10, "init"), timing(20, "plan"), timing(30, "apply")];
    assert_eq!(jobs.timings(job.id).await?, expected);
    assert!(jobs.timings(id(1)).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// The jobs that daemons run, and the last one that each has ended.
pub async fn of_workers(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let rows: [(u128, u128, Option<i64>); 7] = [
        (2, 20, Some(500)),
        (3, 20, Some(700)),
        (4, 20, Some(600)),
        (5, 20, None),
        (6, 20, None),
        (7, 21, Some(400)),
        (8, 22, None),
    ];
    for (number, worker, ended) in rows {
        let job = ProvisionerJob {
            started_at: Some(at(300)),
            completed_at: ended.map(at),
            worker_id: Some(id(worker)),
            lease: Some(id(number)),
            ..world.job(number)
        };
        tx.provisioner_jobs().insert(&job).await?;
    }
    let workers = [id(20), id(21), id(29), id(20)];
    let found = tx.provisioner_jobs().of_workers(&workers).await?;
    assert_same(numbers(&found), [3, 5, 6, 7]);
    assert!(tx.provisioner_jobs().of_workers(&[]).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// An error code is kept with the error.
pub async fn error_code(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    let job = world.add_job(&mut *tx, 2).await?;
    let end = JobEnd {
        error: Some("a value is missing".to_owned()),
        error_code: Some(JobErrorCode::MissingTemplateParameter),
        done: false,
    };
    assert!(
        tx.provisioner_jobs()
            .finish(job.id, None, &end, at(300))
            .await?
    );
    let expected = ProvisionerJob {
        completed_at: Some(at(300)),
        updated_at: at(300),
        error: end.error,
        error_code: end.error_code,
        ..job
    };
    assert_eq!(tx.provisioner_jobs().get(id(2)).await?, Some(expected));
    tx.rollback().await?;
    Ok(())
}

fn numbers(jobs: &[ProvisionerJob]) -> Vec<u128> {
    jobs.iter().map(|job| job.id.0.as_u128()).collect()
}

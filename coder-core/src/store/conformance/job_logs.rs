//! Logs of jobs.

use super::{
    World,
    backend::{Backend, Outcome, assert_texts, present},
    fixture::{id, job_log},
};
use crate::{
    id::ProvisionerJobId,
    provisioner_job::{JobLog, MAX_LOG_BYTES},
};

/// Lines come back whole, in the order of storing, with ascending ids.
pub async fn append_and_read(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    for number in [2, 3] {
        world.add_job(&mut *tx, number).await?;
    }
    let jobs = tx.provisioner_jobs();
    let first = [job_log("one"), job_log("")];
    assert_eq!(jobs.append_logs(id(2), &first).await?, 2);
    assert_eq!(jobs.append_logs(id(3), &[job_log("other")]).await?, 1);
    assert_eq!(jobs.append_logs(id(2), &[job_log("drei ä")]).await?, 1);
    assert_eq!(jobs.append_logs(id(2), &[]).await?, 0);
    assert_eq!(jobs.append_logs(id(9), &first).await?, 0);
    let found = jobs.logs(id(2), 0, None, 0).await?;
    assert_texts(&found, |line| &line.output, &["one", "", "drei ä"]);
    assert!(found.is_sorted_by(|a, b| a.id < b.id));
    let ids_aside = found.iter().map(|line| JobLog {
        id: 0,
        ..line.clone()
    });
    let expected = [job_log("one"), job_log(""), job_log("drei ä")];
    assert!(ids_aside.eq(expected));
    let found = present(jobs.get(id(2)).await?)?;
    assert_eq!((found.logs_length, found.logs_overflowed), (10, false));
    assert!(jobs.logs(id(9), 0, None, 0).await?.is_empty());
    tx.rollback().await?;
    Ok(())
}

/// Readers ask for what is after or before a line, and for how many.
pub async fn ranges(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_job(&mut *tx, 2).await?;
    let job: ProvisionerJobId = id(2);
    let lines: Vec<JobLog> = ["a", "b", "c", "d"].map(job_log).into();
    tx.provisioner_jobs().append_logs(job, &lines).await?;
    let all = tx.provisioner_jobs().logs(job, 0, None, 0).await?;
    let line = |index: usize| present(all.get(index).map(|line| line.id));
    let cases: [(i64, Option<i64>, u32, &[&str]); 7] = [
        (line(1)?, None, 0, &["c", "d"]),
        (line(3)?, None, 0, &[]),
        (0, Some(line(2)?), 0, &["a", "b"]),
        (line(0)?, Some(line(3)?), 0, &["b", "c"]),
        (line(0)?, None, 2, &["b", "c"]),
        (0, None, 9, &["a", "b", "c", "d"]),
        (-1, Some(line(0)?), 1, &[]),
    ];
    for (after, before, limit, expected) in cases {
        let found = tx
            .provisioner_jobs()
            .logs(job, after, before, limit)
            .await?;
        assert_texts(&found, |line| &line.output, expected);
    }
    tx.rollback().await?;
    Ok(())
}

/// Text beyond the bound is dropped from the first line on that does not fit, now and later.
pub async fn overflow(backend: Backend) -> Outcome {
    let world = World::create(&backend).await?;
    let mut tx = backend.begin().await?;
    world.add_job(&mut *tx, 2).await?;
    world.add_job(&mut *tx, 3).await?;
    let max = usize::try_from(MAX_LOG_BYTES)?;
    let text = |length: usize| job_log(&"x".repeat(length));
    let jobs = tx.provisioner_jobs();
    assert_eq!(jobs.append_logs(id(2), &[text(max - 10)]).await?, 1);
    // Bytes count, not characters.
    let lines = [text(4), job_log("äää"), text(0), text(1), text(0)];
    assert_eq!(jobs.append_logs(id(2), &lines).await?, 3);
    let found = present(jobs.get(id(2)).await?)?;
    assert_eq!(
        (found.logs_length, found.logs_overflowed),
        (MAX_LOG_BYTES, true)
    );
    assert_eq!(jobs.append_logs(id(2), &[text(0)]).await?, 0);
    assert_eq!(jobs.logs(id(2), 0, None, 0).await?.len(), 4);

    assert_eq!(jobs.append_logs(id(3), &[text(max)]).await?, 1);
    let found = present(jobs.get(id(3)).await?)?;
    assert_eq!(
        (found.logs_length, found.logs_overflowed),
        (MAX_LOG_BYTES, false)
    );
    tx.rollback().await?;
    Ok(())
}

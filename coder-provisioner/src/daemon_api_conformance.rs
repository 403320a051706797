//! The checks that every [`ProvisionerDaemonApi`] must pass.
//!
//! Write a [`Fixture`] and call [`daemon_api_conformance!`](macro@crate::daemon_api_conformance) with a future
//! that makes one; each check becomes a test.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a suite of tests: a panic is how it reports"
)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::clock::{Clock as _, SystemClock};
use coder_core::id::{LeaseId, ProvisionerJobId};
use coder_core::provisioner_job::{LogLevel, LogSource};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::protocol::{
    AcquiredJob, CompletedJob, CompletedJobKind, FailedJob, JobKind, JobLog, ReleasedJob,
    TemplateImportResult, UpdateJob,
};
use crate::{ErrorKind, ProvisionerDaemonApi};

/// The longest a call may take here.
const BOUND: Duration = Duration::from_secs(40);

/// The server's side under test, for one daemon that is the only one.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// What the daemon calls.
    fn api(&self) -> Arc<dyn ProvisionerDaemonApi>;
    /// Queues the import of a template with a file of that many bytes; answers its archive.
    async fn post(&self, bytes: usize) -> Bytes;
    /// Asks for the cancel of a job.
    async fn cancel(&self, job: ProvisionerJobId);
}

async fn acquire(fixture: &dyn Fixture) -> AcquiredJob {
    let cancel = CancellationToken::new();
    let acquired = timeout(BOUND, async {
        loop {
            if let Some(job) = fixture.api().acquire_job(&cancel).await.unwrap() {
                return job;
            }
        }
    });
    match acquired.await {
        Ok(job) => job,
        Err(_) => panic!("no job came"),
    }
}

fn completed(job: &AcquiredJob) -> CompletedJob {
    CompletedJob {
        job_id: job.job_id,
        lease: job.lease,
        kind: CompletedJobKind::TemplateImport(TemplateImportResult::default()),
    }
}

/// Without a job the call waits, and ends at once when it is told to.
pub async fn waiting_ends_when_told(fixture: &dyn Fixture) {
    let cancel = CancellationToken::new();
    let api = fixture.api();
    let mut call = api.acquire_job(&cancel);
    let early = timeout(Duration::from_millis(100), &mut call).await;
    assert!(early.is_err(), "it did not wait: {early:?}");
    cancel.cancel();
    let answer = timeout(Duration::from_secs(5), call).await;
    assert!(matches!(answer, Ok(Ok(None))), "{answer:?}");
    api.heartbeat().await.unwrap();
}

/// A job is acquired whole, reported on and completed, once.
pub async fn a_job_is_carried_out(fixture: &dyn Fixture) {
    let archive = fixture.post(100).await;
    let job = acquire(fixture).await;
    assert_eq!(job.template_archive, archive);
    assert!(matches!(job.kind, JobKind::TemplateImport(_)));
    let api = fixture.api();
    let mut update = UpdateJob::new(job.job_id, job.lease);
    update.logs.push(JobLog {
        created_at: SystemClock.now(),
        source: LogSource::Provisioner,
        level: LogLevel::Info,
        stage: "Parsing".to_owned(),
        output: "a line".to_owned(),
    });
    update.readme = Some("# Read me".to_owned());
    let answer = api.update_job(update).await.unwrap();
    assert!(!answer.canceled);
    api.complete_job(completed(&job)).await.unwrap();
    let again = api.complete_job(completed(&job)).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::LeaseLost);
}

/// Nothing is written with another lease than the present one.
pub async fn writes_are_fenced(fixture: &dyn Fixture) {
    fixture.post(100).await;
    let job = acquire(fixture).await;
    let api = fixture.api();
    let wrong = AcquiredJob {
        lease: LeaseId(Uuid::from_u128(1)),
        ..job.clone()
    };
    let update = api
        .update_job(UpdateJob::new(wrong.job_id, wrong.lease))
        .await;
    let complete = api.complete_job(completed(&wrong)).await;
    let fail = api
        .fail_job(FailedJob::new(wrong.job_id, wrong.lease, "no"))
        .await;
    for error in [update.err(), complete.err(), fail.err()] {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::LeaseLost));
    }
    api.fail_job(FailedJob::new(job.job_id, job.lease, "no"))
        .await
        .unwrap();
    let late = api.update_job(UpdateJob::new(job.job_id, job.lease)).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::LeaseLost);
}

/// A job that is given back comes again, under another lease.
pub async fn a_released_job_comes_again(fixture: &dyn Fixture) {
    fixture.post(100).await;
    let first = acquire(fixture).await;
    let api = fixture.api();
    let mut release = ReleasedJob {
        job_id: first.job_id,
        lease: first.lease,
        only_unheard: false,
    };
    api.release_job(release.clone()).await.unwrap();
    let second = acquire(fixture).await;
    assert_eq!(second.job_id, first.job_id);
    assert_ne!(second.lease, first.lease);
    let late = api
        .update_job(UpdateJob::new(first.job_id, first.lease))
        .await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::LeaseLost);
    release.lease = second.lease;
    release.only_unheard = true;
    api.release_job(release).await.unwrap();
    let third = acquire(fixture).await;
    api.complete_job(completed(&third)).await.unwrap();
}

/// A daemon hears of a cancel with its next update.
pub async fn a_cancel_is_told(fixture: &dyn Fixture) {
    fixture.post(100).await;
    let job = acquire(fixture).await;
    fixture.cancel(job.job_id).await;
    let api = fixture.api();
    let answer = api
        .update_job(UpdateJob::new(job.job_id, job.lease))
        .await
        .unwrap();
    assert!(answer.canceled);
    let mut failed = FailedJob::new(job.job_id, job.lease, "canceled");
    failed.canceled = true;
    api.fail_job(failed).await.unwrap();
}

/// Large archives arrive whole, while other calls go on.
pub async fn a_large_template_arrives(fixture: &dyn Fixture) {
    let archive = fixture.post(5 * 1024 * 1024 + 1).await;
    let api = fixture.api();
    let (job, beat) = tokio::join!(acquire(fixture), api.heartbeat());
    beat.unwrap();
    assert!(job.template_archive == archive, "another archive");
    api.complete_job(completed(&job)).await.unwrap();
}

/// Makes one test of each check. The future is awaited anew for each.
#[macro_export]
macro_rules! daemon_api_conformance {
    ($module:ident, $fixture:expr) => {
        mod $module {
            use super::*;

            $crate::daemon_api_conformance! { @each $fixture;
                waiting_ends_when_told
                a_job_is_carried_out
                writes_are_fenced
                a_released_job_comes_again
                a_cancel_is_told
                a_large_template_arrives
            }
        }
    };
    (@each $fixture:expr; $($check:ident)*) => {
        $(
            #[tokio::test]
            async fn $check() {
                let fixture = $fixture.await;
                $crate::daemon_api_conformance::$check(&fixture).await;
            }
        )*
    };
}

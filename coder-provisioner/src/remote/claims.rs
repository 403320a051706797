//! Which jobs a connection is about.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coder_core::id::{LeaseId, ProvisionerJobId};
use tokio::time::Instant;

use super::limits::CONFIRM_TIMEOUT;
use crate::protocol::ReleasedJob;

/// Silence after which a job is not this daemon's any more: the length of a lease.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// The jobs that were handed out over a connection, or spoken of on it, and have not ended.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<HashMap<LeaseId, Claim>>);

#[derive(Debug)]
struct Claim {
    job_id: ProvisionerJobId,
    heard: Instant,
    confirmed: bool,
}

impl Claims {
    /// A job is about to be handed out.
    pub(super) fn hand_out(&self, job_id: ProvisionerJobId, lease: LeaseId) {
        self.put(job_id, lease, false);
    }

    /// The daemon spoke of a job.
    pub(super) fn hear(&self, job_id: ProvisionerJobId, lease: LeaseId) {
        self.put(job_id, lease, true);
    }

    /// A job is not the daemon's any more.
    pub(super) fn end(&self, lease: LeaseId) {
        self.claims().remove(&lease);
    }

    /// Whether the daemon has no job, as far as this connection knows.
    pub(super) fn is_empty(&self) -> bool {
        let mut claims = self.claims();
        claims.retain(|_, claim| claim.heard.elapsed() < FORGOTTEN);
        claims.is_empty()
    }

    /// Takes out the jobs that should have been confirmed by now.
    pub(super) fn overdue(&self) -> Vec<ReleasedJob> {
        self.take(|claim| !claim.confirmed && claim.heard.elapsed() >= CONFIRM_TIMEOUT)
    }

    /// Takes out the jobs that have not been confirmed.
    pub(super) fn unconfirmed(&self) -> Vec<ReleasedJob> {
        self.take(|claim| !claim.confirmed)
    }

    fn put(&self, job_id: ProvisionerJobId, lease: LeaseId, confirmed: bool) {
        let claim = Claim {
            job_id,
            heard: Instant::now(),
            confirmed,
        };
        self.claims().insert(lease, claim);
    }

    fn take(&self, which: impl Fn(&Claim) -> bool) -> Vec<ReleasedJob> {
        let mut claims = self.claims();
        let taken = claims.extract_if(|_, claim| which(claim));
        let released = taken.map(|(lease, claim)| ReleasedJob {
            job_id: claim.job_id,
            lease,
            only_unheard: true,
        });
        released.collect()
    }

    /// A panic while the lock was held leaves a whole map behind.
    fn claims(&self) -> MutexGuard<'_, HashMap<LeaseId, Claim>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

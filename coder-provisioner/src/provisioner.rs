//! What a provisioner implements.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::id::{LeaseId, ProvisionerJobId};
use tokio_util::sync::CancellationToken;

use crate::Result;
use crate::protocol::{
    ApplyComplete, ApplyFailed, ApplyRequest, Config, Log, ParseComplete, PlanComplete, PlanHandle,
    PlanRequest,
};

/// Takes the log lines of a session.
pub trait LogSink: Send + Sync {
    /// Takes a line. It never blocks: when a bound is reached, lines are dropped and the reader
    /// is told so.
    fn log(&self, log: Log);
}

/// Takes snapshots of the state while apply runs, so that what was created is known even when
/// the provisioner does not come back.
pub trait StateSink: Send + Sync {
    /// Takes the state as it is now. Only the newest is kept.
    fn snapshot(&self, state: Bytes);
}

/// Turns templates into resources.
///
/// An implementation is checked by `provisioner_conformance!` (feature `testing`).
#[async_trait]
pub trait Provisioner: Send + Sync {
    /// Opens a session on a template. Nothing is created yet.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArchive`] when the archive is refused,
    /// [`crate::ErrorKind::Unavailable`] when the provisioner cannot work here at all.
    async fn session(&self, config: Config, logs: Arc<dyn LogSink>) -> Result<Box<dyn Session>>;

    /// What sessions of daemons that were killed left on this machine, as far as nobody works on it any more. Asked
    /// again and again; a provisioner that keeps nothing here has none.
    async fn leftovers(&self) -> Vec<Leftover> {
        Vec::new()
    }

    /// Keeps on this machine what a session handed over as the newest state of a job, because the server did not
    /// take it: the lease was lost, or the server stayed out of reach. It is for people who then repair the
    /// workspace, so it is said in the log where it is. A provisioner with nothing to repair forgets it.
    async fn keep_state(&self, job_id: ProvisionerJobId, state: Bytes) {
        tracing::warn!(%job_id, bytes = state.len(), "a state that the server did not take is forgotten");
    }
}

/// What a session left behind whose daemon was killed. Dropped without [`settle`](Self::settle) it is offered again.
pub struct Leftover {
    /// The job.
    pub job_id: ProvisionerJobId,
    /// The lease that the daemon had.
    pub lease: LeaseId,
    /// The newest state, when it may have changed.
    pub state: Option<Bytes>,
    settle: Box<dyn FnOnce(bool) + Send + Sync>,
}

impl Leftover {
    /// A leftover. `settle` is called once, on a thread that may block, with whether the server has the state now.
    pub fn new(
        job_id: ProvisionerJobId,
        lease: LeaseId,
        state: Option<Bytes>,
        settle: impl FnOnce(bool) + Send + Sync + 'static,
    ) -> Self {
        Self {
            job_id,
            lease,
            state,
            settle: Box::new(settle),
        }
    }

    /// Ends it: `taken` says that the server has the state, so that it can be removed here; otherwise it is kept
    /// for people, and not offered again. Blocks.
    pub fn settle(self, taken: bool) {
        (self.settle)(taken);
    }
}

impl fmt::Debug for Leftover {
    /// Leaves out the state, which may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Leftover")
            .field("job_id", &self.job_id)
            .field("state_bytes", &self.state.as_ref().map(Bytes::len))
            .finish_non_exhaustive()
    }
}

/// Work on one template for one job. Dropping a session frees what it holds on this machine, but for the state of
/// an apply that was cut off: where that is kept here, [`Provisioner::leftovers`] finds it.
///
/// When a token is cancelled, the running step ends within the provisioner's own bound with
/// [`crate::ErrorKind::Canceled`]; a cancelled apply still hands over its state.
#[async_trait]
pub trait Session: Send {
    /// Reads what the template declares, without running it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidTemplate`] when it cannot be read.
    async fn parse(&mut self, cancel: &CancellationToken) -> Result<ParseComplete>;

    /// Works out what would change. May be called again; only the newest plan can be applied.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Failed`] when planning fails; the details are in the log.
    async fn plan(
        &mut self,
        request: PlanRequest,
        cancel: &CancellationToken,
    ) -> Result<PlanComplete>;

    /// What was fetched for the template, to be kept with it and given to later sessions as
    /// [`Config::module_files`]: a tar archive of at most
    /// [`MAX_MODULE_FILES_BYTES`](crate::protocol::MAX_MODULE_FILES_BYTES). Asked for after a plan. `None`, as
    /// here, when there is nothing to keep.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Internal`] when it cannot be read.
    async fn module_files(&mut self) -> Result<Option<Bytes>> {
        Ok(None)
    }

    /// Carries out a plan of this session.
    ///
    /// # Errors
    /// [`ApplyFailed`] with the state after the failure.
    async fn apply(
        &mut self,
        plan: PlanHandle,
        request: ApplyRequest,
        state: Arc<dyn StateSink>,
        cancel: &CancellationToken,
    ) -> Result<ApplyComplete, ApplyFailed>;
}

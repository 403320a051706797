//! What the work of a job and its pump share.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use coder_core::clock::Clock;
use coder_core::provisioner_job::{LogLevel, LogSource};
use coder_core::template_version::VariableValue;
use coder_core::workspace_tags::WorkspaceTagExpressions;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::logs::LogBuffer;
use crate::protocol::{JobLog, Log, MAX_LOG_BATCH_LINES, TemplateVariable};
use crate::{Error, LogSink, Result, StateSink};

/// Why a job is cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CancelReason {
    /// The server said that somebody asked for it.
    Requested,
    /// The daemon is shut down.
    Shutdown,
    /// The server was out of reach for too long.
    Unreachable,
    /// The server refused an update.
    Refused(String),
}

/// What an import has found in a template, to be stored before it goes on.
pub(super) struct Found {
    pub(super) template_variables: Vec<TemplateVariable>,
    pub(super) readme: String,
    pub(super) workspace_tags: WorkspaceTagExpressions,
    /// Gets the values to use.
    pub(super) reply: oneshot::Sender<Vec<VariableValue>>,
}

/// Shared by the work of a job, which writes, and its pump, which sends.
pub(super) struct JobContext {
    clock: Arc<dyn Clock>,
    log: Mutex<LogState>,
    state: Mutex<StateSlot>,
    reason: OnceLock<CancelReason>,
    found: mpsc::Sender<Found>,
    /// Cancels the work.
    pub(super) cancel: CancellationToken,
    /// Tells the pump that there is something to look at.
    pub(super) wake: Notify,
}

#[derive(Default)]
struct LogState {
    stage: &'static str,
    buffer: LogBuffer,
}

#[derive(Default)]
struct StateSlot {
    newest: Option<Bytes>,
    unsent: bool,
    /// What the server has.
    stored: Option<Bytes>,
}

impl JobContext {
    /// A context, and the receiver of what its work finds.
    pub(super) fn new(clock: Arc<dyn Clock>) -> (Arc<Self>, mpsc::Receiver<Found>) {
        let (found, receiver) = mpsc::channel(1);
        let context = Self {
            clock,
            log: Mutex::default(),
            state: Mutex::default(),
            reason: OnceLock::new(),
            found,
            cancel: CancellationToken::new(),
            wake: Notify::new(),
        };
        (Arc::new(context), receiver)
    }

    /// Cancels the work. The first reason counts.
    pub(super) fn cancel(&self, reason: CancelReason) {
        let _ = self.reason.set(reason);
        self.cancel.cancel();
    }

    /// Why the work was cancelled, if it was.
    pub(super) fn cancel_reason(&self) -> Option<&CancelReason> {
        self.reason.get()
    }

    /// Begins a stage of the job.
    pub(super) fn begin(&self, stage: &'static str) {
        lock(&self.log).stage = stage;
    }

    /// Writes a line of the daemon itself.
    pub(super) fn note(&self, level: LogLevel, output: &str) {
        self.push(LogSource::ProvisionerDaemon, Log::new(level, output));
    }

    /// Sends what an import found and waits for the values to use.
    pub(super) async fn found(
        &self,
        template_variables: Vec<TemplateVariable>,
        readme: String,
        workspace_tags: WorkspaceTagExpressions,
    ) -> Result<Vec<VariableValue>> {
        let (reply, values) = oneshot::channel();
        let found = Found {
            template_variables,
            readme,
            workspace_tags,
            reply,
        };
        // The pump ends before the work only when the job is given up.
        self.found
            .send(found)
            .await
            .map_err(|_| Error::canceled())?;
        tokio::select! {
            values = values => values.map_err(|_| Error::canceled()),
            () = self.cancel.cancelled() => Err(Error::canceled()),
        }
    }

    /// Takes out the next lines to send, and says whether the log has overflowed.
    pub(super) fn take_logs(&self) -> (Vec<JobLog>, bool) {
        let mut log = lock(&self.log);
        (log.buffer.take_batch(), log.buffer.overflowed())
    }

    /// Lines that can be sent.
    pub(super) fn ready_logs(&self) -> usize {
        lock(&self.log).buffer.ready()
    }

    /// Makes the kept last lines of an overflowed log ready.
    pub(super) fn close_logs(&self) {
        lock(&self.log).buffer.close(self.clock.now());
    }

    /// The newest snapshot, when it was not taken before.
    pub(super) fn take_state(&self) -> Option<Bytes> {
        let mut slot = lock(&self.state);
        if !slot.unsent {
            return None;
        }
        slot.unsent = false;
        slot.newest.clone()
    }

    /// Whether a snapshot waits to be sent.
    pub(super) fn has_unsent_state(&self) -> bool {
        lock(&self.state).unsent
    }

    /// Notes that the server has this state.
    pub(super) fn note_stored(&self, state: Bytes) {
        lock(&self.state).stored = Some(state);
    }

    /// Whether this state is the one that the server has.
    pub(super) fn is_stored(&self, state: &Bytes) -> bool {
        lock(&self.state).stored.as_ref() == Some(state)
    }

    /// The newest snapshot.
    pub(super) fn newest_state(&self) -> Option<Bytes> {
        lock(&self.state).newest.clone()
    }

    fn push(&self, source: LogSource, log: Log) {
        let created_at = self.clock.now();
        let mut state = lock(&self.log);
        let stage = log.stage.unwrap_or_else(|| state.stage.to_owned());
        let before = state.buffer.ready();
        for output in log.output.split('\n') {
            state.buffer.push(JobLog {
                created_at,
                source,
                level: log.level,
                stage: stage.clone(),
                output: output.trim_end_matches('\r').to_owned(),
            });
        }
        let ready = state.buffer.ready();
        drop(state);
        if before == 0 || ready >= MAX_LOG_BATCH_LINES {
            self.wake.notify_one();
        }
    }
}

impl LogSink for JobContext {
    fn log(&self, log: Log) {
        self.push(LogSource::Provisioner, log);
    }
}

impl StateSink for JobContext {
    fn snapshot(&self, state: Bytes) {
        let mut slot = lock(&self.state);
        if slot.newest.as_ref() == Some(&state) {
            return;
        }
        slot.newest = Some(state);
        slot.unsent = true;
        drop(slot);
        self.wake.notify_one();
    }
}

/// A panic while a lock was held leaves complete values behind here, so the lock stays usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

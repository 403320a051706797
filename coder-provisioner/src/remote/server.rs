//! The server's side: answers the calls that come over a connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use coder_core::id::{LeaseId, ProvisionerJobId};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::assembler::{Assembler, Incoming, Violation};
use super::calls::{self, Caller};
use super::claims::Claims;
use super::envelope::Message;
use super::frame::{Frame, Frames, close_code};
use super::limits::MAX_CALLS;
use super::link;
use crate::ProvisionerDaemonApi;
use crate::protocol::ReleasedJob;

/// How often it is looked whether a job was confirmed, and whether a leaving daemon is done.
const LOOK: Duration = Duration::from_secs(1);
/// How long calls that run may take to end, and a close frame to be sent.
const FAREWELL: Duration = Duration::from_secs(5);

/// Whether a daemon is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It gets jobs.
    #[default]
    Welcome,
    /// It gets no jobs any more, and its connection ends after the ones that it has; the reason
    /// is for people. It must not come back.
    Leaving(String),
    /// Its connection ends now. It must not come back.
    Refused(String),
    /// The server stops: the connection ends now, and the daemon comes back.
    Stopping,
}

/// Answers the calls of one daemon over one connection. Returns why the connection ended. `held` are the jobs that a
/// daemon has which comes back: one that is [`Leaving`](Standing::Leaving) stays for them.
///
/// A job that was handed out and not confirmed within [`CONFIRM_TIMEOUT`](super::CONFIRM_TIMEOUT),
/// or before the connection ended, is given back to the queue.
pub async fn serve<F: Frames>(
    frames: F,
    api: Arc<dyn ProvisionerDaemonApi>,
    mut standing: watch::Receiver<Standing>,
    held: &[(ProvisionerJobId, LeaseId)],
) -> String {
    let (outbox, mut inbox, mut sending) = link::open(frames);
    let claims = Arc::new(Claims::default());
    for (job_id, lease) in held {
        claims.hear(*job_id, *lease);
    }
    let mut session = Session {
        caller: Caller {
            api: Arc::clone(&api),
            outbox: outbox.clone(),
            claims: Arc::clone(&claims),
            no_jobs: CancellationToken::new(),
        },
        assembler: Assembler::default(),
        running: HashMap::new(),
        calls: JoinSet::new(),
    };
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (code, reason) = loop {
        let now = standing.borrow_and_update().clone();
        if let Some(end) = session.heed(now) {
            break end;
        }
        tokio::select! {
            frame = inbox.next() => match session.receive(frame) {
                Ok(()) => {}
                Err(end) => break end,
            },
            Some(ended) = session.calls.join_next() => {
                if let Ok(id) = ended {
                    session.running.remove(&id);
                }
            }
            changed = standing.changed() => if changed.is_err() {
                break (close_code::GOING_AWAY, "the server stops".to_owned());
            },
            _ = looks.tick() => give_back(api.as_ref(), claims.overdue()).await,
        }
    };
    // No job is handed out any more, and what runs is told to end.
    session.caller.no_jobs.cancel();
    session.running.values().for_each(CancellationToken::cancel);
    let rest = async { while session.calls.join_next().await.is_some() {} };
    if timeout(FAREWELL, rest).await.is_err() {
        tracing::warn!("a call of a provisioner daemon does not end");
    }
    give_back(api.as_ref(), claims.unconfirmed()).await;
    let farewell = async {
        outbox.close(code, &reason).await;
        sending.ended().await;
    };
    // The other side may be gone already.
    let _ = timeout(FAREWELL, farewell).await;
    reason
}

struct Session {
    caller: Caller,
    assembler: Assembler,
    running: HashMap<u64, CancellationToken>,
    calls: JoinSet<u64>,
}

type End = (u16, String);

impl Session {
    /// Follows what is thought of the daemon now.
    fn heed(&self, standing: Standing) -> Option<End> {
        match standing {
            Standing::Welcome => None,
            Standing::Leaving(reason) => {
                self.caller.no_jobs.cancel();
                self.caller
                    .claims
                    .is_empty()
                    .then_some((close_code::POLICY, reason))
            }
            Standing::Refused(reason) => Some((close_code::POLICY, reason)),
            Standing::Stopping => Some((close_code::GOING_AWAY, "the server stops".to_owned())),
        }
    }

    fn receive(&mut self, frame: Result<Frame, String>) -> Result<(), End> {
        let broken = |violation: Violation| (close_code::PROTOCOL, violation.0);
        let message = match frame.map_err(|reason| (close_code::NORMAL, reason))? {
            Frame::Text(text) => match self.assembler.text(&text).map_err(broken)? {
                Incoming::Whole(message) => message,
                Incoming::Begun(_) => return Ok(()),
            },
            Frame::Binary(bytes) => match self.assembler.binary(bytes).map_err(broken)? {
                Some(message) => message,
                None => return Ok(()),
            },
            Frame::Close(_) => {
                return Err((close_code::NORMAL, "the daemon went away".to_owned()));
            }
            Frame::Ping | Frame::Pong => return Ok(()),
        };
        self.message(message).map_err(broken)
    }

    fn message(&mut self, message: Message) -> Result<(), Violation> {
        let id = message.envelope.id;
        if message.envelope.cancel {
            self.assembler.forget(id);
            if let Some(running) = self.running.get(&id) {
                running.cancel();
            }
            return Ok(());
        }
        if message.envelope.call.is_none() {
            return Err(Violation("an envelope names no call".to_owned()));
        }
        if self.running.len() >= MAX_CALLS {
            return Err(Violation("too many calls at once".to_owned()));
        }
        let cancel = CancellationToken::new();
        if self.running.insert(id, cancel.clone()).is_some() {
            return Err(Violation(format!("the id {id} is used twice")));
        }
        let caller = self.caller.clone();
        self.calls.spawn(async move {
            calls::run(&caller, message, &cancel).await;
            id
        });
        Ok(())
    }
}

/// Puts jobs back into the queue which the daemon has not been heard of since.
async fn give_back(api: &dyn ProvisionerDaemonApi, claims: Vec<ReleasedJob>) {
    for claim in claims {
        let job_id = claim.job_id;
        match timeout(FAREWELL, api.release_job(claim)).await {
            Ok(Ok(())) => tracing::warn!(%job_id, "a job did not arrive and waits again"),
            Ok(Err(error)) => {
                tracing::debug!(%job_id, error = %error.chain(), "a job is not given back");
            }
            Err(_) => tracing::warn!(%job_id, "a job could not be given back in time"),
        }
    }
}

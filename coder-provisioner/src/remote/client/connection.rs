//! Calls under way on one connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coder_core::id::{LeaseId, ProvisionerJobId};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::Result;
use crate::remote::assembler::{Assembler, Incoming, Violation};
use crate::remote::body::Body;
use crate::remote::calls::claim_in;
use crate::remote::envelope::Message;
use crate::remote::frame::{Frame, Frames, close_code};
use crate::remote::link::{self, Inbox, Outbox, Sending, lost};

/// One connection, with the calls that wait for their answers.
#[derive(Debug)]
pub(super) struct Connection {
    outbox: Outbox,
    waiting: Mutex<HashMap<u64, Waiting>>,
    next_id: AtomicU64,
    ended: CancellationToken,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// For people.
    pub(super) reason: String,
    /// The server does not want the daemon any more.
    pub(super) refused: bool,
}

/// A job that is being handed out.
pub(super) type Claim = (ProvisionerJobId, LeaseId);

#[derive(Debug)]
struct Waiting {
    answer: oneshot::Sender<Message>,
    began: Option<oneshot::Sender<Claim>>,
}

/// A call under way. Dropping it tells the server that nobody waits any more.
#[derive(Debug)]
pub(super) struct Underway {
    connection: Arc<Connection>,
    id: u64,
    answer: oneshot::Receiver<Message>,
    /// The job, as soon as the answer to `acquire_job` has begun to come.
    pub(super) began: Option<oneshot::Receiver<Claim>>,
    answered: bool,
}

impl Connection {
    /// Begins to speak over `frames`; [`run`](Self::run) must be driven.
    pub(super) fn open<F: Frames>(frames: F) -> (Arc<Self>, Inbox<F>, Sending) {
        let (outbox, inbox, sending) = link::open(frames);
        let connection = Self {
            outbox,
            waiting: Mutex::default(),
            next_id: AtomicU64::new(1),
            ended: CancellationToken::new(),
        };
        (Arc::new(connection), inbox, sending)
    }

    /// Receives until the connection ends.
    pub(super) async fn run<F: Frames>(&self, mut inbox: Inbox<F>) -> Ended {
        let mut assembler = Assembler::default();
        let ended = loop {
            let ended = |reason, refused| Ended { reason, refused };
            let done = match inbox.next().await {
                Ok(Frame::Text(text)) => self.text(&mut assembler, &text),
                Ok(Frame::Binary(bytes)) => assembler.binary(bytes),
                Ok(Frame::Close(frame)) => {
                    let (code, reason) = frame.unwrap_or_default();
                    break ended(reason, code == close_code::POLICY);
                }
                Ok(Frame::Ping | Frame::Pong) => continue,
                Err(reason) => break ended(reason, false),
            };
            match done {
                Ok(Some(message)) => self.answer(message),
                Ok(None) => {}
                Err(violation) => break ended(violation.to_string(), false),
            }
        };
        self.ended.cancel();
        self.waiting().clear();
        ended
    }

    /// Makes a call.
    pub(super) async fn call<B: Body>(
        self: &Arc<Self>,
        call: &str,
        body: B,
        with_beginning: bool,
    ) -> Result<Underway> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let message = Message::call(id, call, body)?;
        let (answer, answered) = oneshot::channel();
        let (began, beginning) = oneshot::channel();
        let waiting = Waiting {
            answer,
            began: with_beginning.then_some(began),
        };
        self.waiting().insert(id, waiting);
        let underway = Underway {
            connection: Arc::clone(self),
            id,
            answer: answered,
            began: with_beginning.then_some(beginning),
            answered: false,
        };
        tokio::select! {
            sent = self.outbox.send(message) => sent?,
            () = self.ended.cancelled() => return Err(lost()),
        }
        Ok(underway)
    }

    /// Tells the server that the daemon goes away.
    pub(super) async fn close(&self) {
        self.outbox.close(close_code::NORMAL, "").await;
    }

    fn text(&self, assembler: &mut Assembler, text: &str) -> Result<Option<Message>, Violation> {
        let incoming = assembler.text(text)?;
        let id = match incoming {
            Incoming::Whole(message) => return Ok(Some(message)),
            Incoming::Begun(id) => id,
        };
        let mut waiting = self.waiting();
        let Some(waiting) = waiting.get_mut(&id) else {
            // Nobody waits for it: its bytes are passed over.
            assembler.forget(id);
            return Ok(None);
        };
        if let Some(claim) = assembler.peek(id).and_then(claim_in)
            && let Some(began) = waiting.began.take()
        {
            let _ = began.send(claim);
        }
        Ok(None)
    }

    fn answer(&self, message: Message) {
        let waiting = self.waiting().remove(&message.envelope.id);
        if let Some(waiting) = waiting {
            let _ = waiting.answer.send(message);
        }
    }

    /// A panic while the lock was held leaves a whole map behind.
    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Underway {
    /// The answer.
    pub(super) async fn answer(&mut self) -> Result<Message> {
        let answer = tokio::select! {
            // A server that has said its last word closes: the word counts.
            biased;
            answer = &mut self.answer => answer.map_err(|_| lost()),
            () = self.connection.ended.cancelled() => Err(lost()),
        };
        self.answered = true;
        answer
    }

    /// Asks the server to end the call soon; the answer still comes.
    pub(super) async fn cancel(&self) {
        let _ = self.connection.outbox.send(Message::cancel(self.id)).await;
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        self.connection.waiting().remove(&self.id);
        let (connection, id) = (Arc::clone(&self.connection), self.id);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::select! {
                    _ = connection.outbox.send(Message::cancel(id)) => {}
                    () = connection.ended.cancelled() => {}
                }
            });
        }
    }
}

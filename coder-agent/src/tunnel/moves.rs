//! Both sides of a move: who asks, who dials, and how the two find each other.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::frame::{MoveRequest, OpenReply, OpenStatus};
use super::moving::Outcome;
use super::slot::Slot;
use super::ws::{KEEP_ALIVE_INTERVAL, WsIo, client_io, server_io};
use super::{BoxedIo, Io};
use crate::{Error, ErrorKind, Result};

/// How many streams of one agent may be on the move at once.
const MAX_MOVES: usize = 16;

/// How long the agent may take to answer: it may be dialling for half a minute.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the connection may take to be there after the agent has said that it is.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long nothing is asked after the agent has refused.
const QUIET: Duration = Duration::from_secs(60);

/// Dials the connections of streams that move much.
#[async_trait]
pub trait StreamDialer: Send + Sync {
    /// A fresh connection of `GET …/me/stream?id={ticket}` that has been upgraded already.
    ///
    /// # Errors
    /// When it cannot be had; the stream then stays in the tunnel.
    async fn dial_stream(&self, ticket: Uuid) -> Result<BoxedIo>;
}

/// The server's side: who has been asked to dial.
#[derive(Debug, Default)]
pub(super) struct Expected {
    tickets: Mutex<HashMap<Uuid, oneshot::Sender<Arrived>>>,
    /// Before this nothing is asked.
    quiet_until: Mutex<Option<Instant>>,
}

/// A connection that an agent was asked to dial. Dropping it leaves the agent's stream where it is.
#[derive(Debug)]
pub struct ExpectedStream(oneshot::Sender<Arrived>);

/// An upgraded connection.
struct Arrived(BoxedIo);

/// A place for a connection; given back when dropped.
pub(super) struct Place {
    expected: Arc<Expected>,
    ticket: Uuid,
    arrived: oneshot::Receiver<Arrived>,
}

impl Expected {
    /// A place for one more connection; `None` at the bound, and after a refusal.
    pub(super) fn place(self: &Arc<Self>) -> Option<Place> {
        if lock(&self.quiet_until).is_some_and(|until| until > Instant::now()) {
            return None;
        }
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let ticket = Uuid::from_bytes(bytes);
        let (sender, arrived) = oneshot::channel();
        let mut tickets = lock(&self.tickets);
        if tickets.len() >= MAX_MOVES {
            return None;
        }
        tickets.insert(ticket, sender);
        drop(tickets);
        Some(Place {
            expected: Arc::clone(self),
            ticket,
            arrived,
        })
    }

    /// Takes a ticket, which is good once.
    pub(super) fn take(&self, ticket: Uuid) -> Option<ExpectedStream> {
        lock(&self.tickets).remove(&ticket).map(ExpectedStream)
    }

    /// The agent has refused: asking again soon would not help.
    pub(super) fn refused(&self) {
        *lock(&self.quiet_until) = Some(Instant::now() + QUIET);
    }
}

impl ExpectedStream {
    /// Hands the upgraded connection over.
    pub fn arrived(self, io: impl Io) {
        // Whoever expected it may have gone.
        drop(self.0.send(Arrived(Box::new(io))));
    }
}

impl Place {
    pub(super) const fn ticket(&self) -> Uuid {
        self.ticket
    }

    /// The connection, which the agent says it has.
    pub(super) async fn connection(mut self) -> Option<WsIo<BoxedIo>> {
        let arrived = timeout(ARRIVAL_TIMEOUT, &mut self.arrived).await;
        let Arrived(io) = arrived.ok()?.ok()?;
        Some(server_io(io).with_keep_alive(KEEP_ALIVE_INTERVAL))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.expected.tickets).remove(&self.ticket);
    }
}

/// The agent's side: the streams that may be moved, and who dials for them.
#[derive(Clone)]
pub(super) struct Movers(Arc<MoversState>);

struct MoversState {
    dialer: Arc<dyn StreamDialer>,
    streams: Mutex<HashMap<u32, Slot>>,
    dialling: Semaphore,
}

/// Keeps a stream known.
struct Registration {
    movers: Movers,
    stream: u32,
}

impl Movers {
    pub(super) fn new(dialer: Arc<dyn StreamDialer>) -> Self {
        Self(Arc::new(MoversState {
            dialer,
            streams: Mutex::default(),
            dialling: Semaphore::new(MAX_MOVES),
        }))
    }

    /// Makes a stream known for as long as the answer lives.
    pub(super) fn register(&self, stream: u32, slot: Slot) -> Box<dyn Send> {
        lock(&self.0.streams).insert(stream, slot);
        Box::new(Registration {
            movers: self.clone(),
            stream,
        })
    }

    /// Moves a stream as the server asks, and says what to answer.
    pub(super) async fn answer(&self, request: MoveRequest) -> OpenReply {
        let slot = lock(&self.0.streams).get(&request.stream).cloned();
        let Some(slot) = slot else {
            return OpenReply::refuse(OpenStatus::Refused, "there is no such stream");
        };
        let Ok(_permit) = self.0.dialling.try_acquire() else {
            return OpenReply::refuse(OpenStatus::Busy, "");
        };
        if !slot.begin() {
            return OpenReply::refuse(OpenStatus::Refused, "the stream is ending");
        }
        // However this ends, also by being dropped, the stream hears of it.
        let mut settle = Settle(Some(slot));
        match self.0.dialer.dial_stream(request.ticket).await {
            Ok(io) => {
                let own = client_io(io).with_keep_alive(KEEP_ALIVE_INTERVAL);
                if let Some(slot) = settle.0.take() {
                    slot.settle(Outcome::Moved, Some(own));
                }
                OpenReply::ok()
            }
            Err(error) => OpenReply::refuse(OpenStatus::Failed, &error.to_string()),
        }
    }
}

/// Leaves a stream where it is unless something else was decided.
struct Settle(Option<Slot>);

impl Drop for Settle {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.settle(Outcome::Refused, None);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock(&self.movers.0.streams).remove(&self.stream);
    }
}

impl fmt::Debug for Arrived {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Arrived").finish_non_exhaustive()
    }
}

impl fmt::Debug for Movers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Movers").finish_non_exhaustive()
    }
}

/// What the agent's answer means to the server. `answered` is an error when nobody knows.
pub(super) async fn settle(slot: &Slot, place: Place, answered: Result<OpenReply>) -> Result<()> {
    let expected = Arc::clone(&place.expected);
    let refused = match answered {
        Ok(reply) => reply.into_result().err(),
        Err(error) => {
            slot.settle(Outcome::Failed, None);
            return Err(error);
        }
    };
    if let Some(error) = refused {
        if matches!(
            error.kind(),
            ErrorKind::Unsupported | ErrorKind::Unavailable
        ) {
            expected.refused();
        }
        slot.settle(Outcome::Refused, None);
        return Err(error);
    }
    match place.connection().await {
        Some(own) => {
            slot.settle(Outcome::Moved, Some(own));
            Ok(())
        }
        None => {
            slot.settle(Outcome::Failed, None);
            let message = "agent's connection did not arrive";
            Err(Error::new(ErrorKind::Protocol, message))
        }
    }
}

/// A panic while the lock was held leaves a whole value behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

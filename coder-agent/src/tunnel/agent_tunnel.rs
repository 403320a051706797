use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::activity::Activity;
use super::frame::{MoveRequest, OpenReply, OpenRequest};
use super::moves::{self, ANSWER_TIMEOUT, Expected, ExpectedStream};
use super::moving::Outcome;
use super::mux::{Driver, Inbound, OpenCommand};
use super::slot::Slot;
use super::stream::{Ask, Guards};
use super::{
    INACTIVE_AFTER, Io, MAX_PENDING_OPENS, MAX_STREAMS, OPEN_TIMEOUT, PING_INTERVAL, TunnelStream,
};
use crate::{Error, ErrorKind, Result};

/// The server's side of one agent's tunnel: opens streams to the agent.
///
/// It is a handle: clones share the tunnel, which ends with the last of them, when the agent goes,
/// when nothing was heard of the agent for [`INACTIVE_AFTER`], or by [`close`](Self::close).
/// Streams end with the tunnel.
#[derive(Clone, Debug)]
pub struct AgentTunnel {
    link: Arc<Link>,
    heartbeat: watch::Receiver<Heartbeat>,
    ended: watch::Receiver<Option<Arc<Error>>>,
    cancel: CancellationToken,
    _last_handle: Arc<DropGuard>,
}

/// The last sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Periods of [`PING_INTERVAL`] with a sign of life so far. Zero until the first answer, which
    /// comes at once.
    pub count: u64,
    /// How long the last answered ping took.
    pub round_trip: Duration,
}

/// What opens streams; apart from the handle so that pinging does not keep a tunnel alive.
#[derive(Debug)]
struct Link {
    opens: mpsc::Sender<OpenCommand>,
    streams: Arc<Semaphore>,
    pending: Semaphore,
    moves_streams: AtomicBool,
    expected: Arc<Expected>,
}

impl AgentTunnel {
    /// Runs the server's side over `io`, the upgraded connection of `GET tunnel`, by tasks on the
    /// current runtime.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn new(io: impl Io) -> Self {
        let cancel = CancellationToken::new();
        let (opens, commands) = mpsc::channel(MAX_PENDING_OPENS);
        let (beat, heartbeat) = watch::channel(Heartbeat {
            count: 0,
            round_trip: Duration::ZERO,
        });
        let (end, ended) = watch::channel(None);
        let link = Arc::new(Link {
            opens,
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            pending: Semaphore::new(MAX_PENDING_OPENS),
            moves_streams: AtomicBool::new(false),
            expected: Arc::default(),
        });
        let (activity, io) = Activity::watch(io);
        let driver = Driver::new(io, yamux::Mode::Server, Inbound::Refuse, Some(commands));
        let tunnel = Self {
            link: Arc::clone(&link),
            heartbeat,
            ended,
            _last_handle: Arc::new(cancel.clone().drop_guard()),
            cancel: cancel.clone(),
        };
        tokio::spawn(async move {
            let stop = cancel.child_token();
            let run = driver.run(stop.clone());
            tokio::pin!(run);
            let reason = tokio::select! {
                ran = &mut run => ran.err(),
                () = keep_alive(&link, &activity, &beat) => None,
                () = activity.silence(INACTIVE_AFTER) => {
                    stop.cancel();
                    // It ends by itself within a bound; why is known.
                    let _ = run.await;
                    Some(Error::new(ErrorKind::TimedOut, "agent is silent"))
                }
            };
            let closed = || Error::new(ErrorKind::Closed, "tunnel ended");
            end.send_replace(Some(Arc::new(reason.unwrap_or_else(closed))));
        });
        tunnel
    }

    /// Opens a stream to a [`port`](super::port) of the agent.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported), [`Refused`](ErrorKind::Refused) or
    /// [`TimedOut`](ErrorKind::TimedOut) as the agent answered,
    /// [`Busy`](ErrorKind::Busy) at a bound, [`Closed`](ErrorKind::Closed) when the tunnel ended.
    pub async fn open(&self, port: u16) -> Result<TunnelStream> {
        self.link.open(OpenRequest::Tcp(port)).await
    }

    /// Opens a stream of [`datagram`](super::datagram)s from and to a UDP port of the workspace.
    ///
    /// # Errors
    /// As [`open`](Self::open); that nothing listens is not noticed.
    pub async fn open_udp(&self, port: u16) -> Result<TunnelStream> {
        self.link.open(OpenRequest::Udp(port)).await
    }

    /// From now on streams that move much are asked to move to a connection of their own. For servers
    /// that serve `GET …/me/stream` by [`expects`](Self::expects).
    pub fn move_streams(&self) {
        self.link.moves_streams.store(true, Ordering::Relaxed);
    }

    /// The stream for which the agent was asked to dial with this ticket; each is answered once.
    #[must_use]
    pub fn expects(&self, ticket: Uuid) -> Option<ExpectedStream> {
        self.link.expected.take(ticket)
    }

    /// Asks the agent for a sign of life and tells how long it took.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn ping(&self) -> Result<Duration> {
        self.link.ping().await
    }

    /// Changes with each period in which the agent was heard, about every [`PING_INTERVAL`].
    #[must_use]
    pub fn heartbeat(&self) -> watch::Receiver<Heartbeat> {
        self.heartbeat.clone()
    }

    /// Waits for the end of the tunnel and tells why it ended.
    pub async fn closed(&self) -> Arc<Error> {
        let mut ended = self.ended.clone();
        let reason = ended
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|reason| reason.clone());
        reason.unwrap_or_else(|| Arc::new(Error::new(ErrorKind::Internal, "tunnel task died")))
    }

    /// Whether the tunnel has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ended.borrow().is_some() || self.ended.has_changed().is_err()
    }

    /// Ends the tunnel for all its handles.
    pub fn close(&self) {
        self.cancel.cancel();
    }
}

impl Link {
    async fn open(self: &Arc<Self>, request: OpenRequest) -> Result<TunnelStream> {
        let permits = match request {
            // A ping must get through when everything else waits.
            OpenRequest::Ping | OpenRequest::Move => None,
            OpenRequest::Tcp(_) | OpenRequest::Udp(_) => Some(self.permits()?),
        };
        let (pending, open) = permits.unzip();
        let opened = timeout(OPEN_TIMEOUT, async {
            let mut stream = self.new_stream().await?;
            say(&mut stream, &request.encode()).await?;
            read_reply(&mut stream).await?.into_result()?;
            let guards = Guards {
                _permit: open,
                _registration: None,
            };
            Ok(stream.with(guards, self.mover()))
        });
        let opened = opened.await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::TimedOut,
                "agent did not answer in time",
            ))
        });
        drop(pending);
        opened
    }

    /// A new stream, of which the agent has not heard yet.
    async fn new_stream(&self) -> Result<TunnelStream> {
        let (reply, opened) = oneshot::channel();
        self.opens.send(reply).await.map_err(|_| ended())?;
        let stream = opened.await.map_err(|_| ended())??;
        Ok(TunnelStream::new(stream))
    }

    /// What asks for a move of a stream.
    fn mover(self: &Arc<Self>) -> Option<Ask> {
        // A stream does not keep its tunnel alive.
        let link = Arc::downgrade(self);
        let moves = self.moves_streams.load(Ordering::Relaxed);
        moves.then(|| -> Ask {
            Box::new(move |id, slot| drop(tokio::spawn(ask(link.clone(), id, slot))))
        })
    }

    /// A place among those waiting for an answer, and one among the open streams.
    fn permits(&self) -> Result<(SemaphorePermit<'_>, OwnedSemaphorePermit)> {
        let busy = |what: &str| Error::new(ErrorKind::Busy, format!("too many {what} this agent"));
        let pending = self
            .pending
            .try_acquire()
            .map_err(|_| busy("connections opening to"))?;
        let open = Arc::clone(&self.streams).try_acquire_owned();
        Ok((pending, open.map_err(|_| busy("connections open to"))?))
    }

    async fn ping(self: &Arc<Self>) -> Result<Duration> {
        let start = Instant::now();
        let mut stream = self.open(OpenRequest::Ping).await?;
        let round_trip = start.elapsed();
        // The agent has ended its direction already; a clean end spares both a reset.
        let _ = stream.shutdown().await;
        Ok(round_trip)
    }
}

/// Pings for ever, and counts the periods with a sign of life.
async fn keep_alive(link: &Arc<Link>, activity: &Activity, beat: &watch::Sender<Heartbeat>) {
    let mut ticks = interval_at(Instant::now(), PING_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let begin = Instant::now();
        let answer = link.ping().await;
        if let Err(error) = &answer {
            tracing::debug!(%error, "ping of agent failed");
        }
        if answer.is_ok() || activity.last() > begin {
            beat.send_modify(|beat| {
                let round_trip = answer.unwrap_or(beat.round_trip);
                *beat = Heartbeat {
                    count: beat.count + 1,
                    round_trip,
                };
            });
        }
    }
}

/// Asks the agent to dial a connection for a stream that has begun to move.
async fn ask(link: Weak<Link>, id: yamux::StreamId, slot: Slot) {
    let begun = async {
        let link = link.upgrade()?;
        let place = link.expected.place()?;
        let control = timeout(OPEN_TIMEOUT, link.new_stream()).await.ok()?;
        Some((place, control.ok()?))
    };
    let Some((place, mut control)) = begun.await else {
        return slot.settle(Outcome::Refused, None);
    };
    let question = MoveRequest {
        stream: id.val(),
        ticket: place.ticket(),
    };
    let question = [&OpenRequest::Move.encode()[..], &question.encode()].concat();
    let answered = timeout(ANSWER_TIMEOUT, async {
        say(&mut control, &question).await?;
        read_reply(&mut control).await
    });
    let silent = || Error::new(ErrorKind::TimedOut, "agent did not answer in time");
    let answered = answered.await.unwrap_or_else(|_| Err(silent()));
    if let Err(error) = moves::settle(&slot, place, answered).await {
        tracing::debug!(%error, "a stream was not moved");
    }
    // The agent has ended its direction already; a clean end spares both a reset.
    let _ = control.shutdown().await;
}

async fn say(stream: &mut TunnelStream, bytes: &[u8]) -> Result<()> {
    stream.write_all(bytes).await.map_err(broken)?;
    stream.flush().await.map_err(broken)
}

async fn read_reply(stream: &mut TunnelStream) -> Result<OpenReply> {
    let mut header = [0; OpenReply::HEADER_LEN];
    stream.read_exact(&mut header).await.map_err(broken)?;
    let (status, length) = OpenReply::decode_header(header).map_err(|error| {
        Error::new(ErrorKind::Protocol, "agent answered nonsense").with_source(error)
    })?;
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await.map_err(broken)?;
    Ok(OpenReply::from_parts(status, &message))
}

fn ended() -> Error {
    Error::new(ErrorKind::Closed, "tunnel ended")
}

fn broken(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Closed, "agent ended the stream").with_source(error)
}

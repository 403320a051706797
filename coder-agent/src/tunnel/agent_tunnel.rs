use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::activity::Activity;
use super::frame::{OpenReply, OpenRequest};
use super::mux::{Driver, Inbound, OpenCommand};
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
    async fn open(&self, request: OpenRequest) -> Result<TunnelStream> {
        let permits = match request {
            // A ping must get through when everything else waits.
            OpenRequest::Ping => None,
            OpenRequest::Tcp(_) | OpenRequest::Udp(_) => Some(self.permits()?),
        };
        let (pending, open) = permits.unzip();
        let opened = timeout(OPEN_TIMEOUT, async {
            let (reply, opened) = oneshot::channel();
            self.opens.send(reply).await.map_err(|_| ended())?;
            let stream = opened.await.map_err(|_| ended())??;
            let mut stream = TunnelStream::new(stream, open);
            stream.write_all(&request.encode()).await.map_err(broken)?;
            stream.flush().await.map_err(broken)?;
            read_reply(&mut stream).await?.into_result()?;
            Ok(stream)
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

    async fn ping(&self) -> Result<Duration> {
        let start = Instant::now();
        let mut stream = self.open(OpenRequest::Ping).await?;
        let round_trip = start.elapsed();
        // The agent has ended its direction already; a clean end spares both a reset.
        let _ = stream.shutdown().await;
        Ok(round_trip)
    }
}

/// Pings for ever, and counts the periods with a sign of life.
async fn keep_alive(link: &Link, activity: &Activity, beat: &watch::Sender<Heartbeat>) {
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

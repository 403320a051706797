//! One-way WebSockets that carry what a store gains: logs, metadata, states.
//!
//! The task subscribes first and reads then, so that nothing is missed between; it also reads every few
//! seconds, because events may get lost. It ends when the source does, the client goes away or does not
//! read, the session ends, or the server stops.

use super::{error::ApiError, extract::Auth};
use crate::app_state::AppState;
use async_trait::async_trait;
use axum::{
    extract::ws::{
        CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code,
        rejection::WebSocketUpgradeRejection,
    },
    response::{IntoResponse as _, Response},
};
use coder_core::{
    Error, ErrorKind,
    event::{Subscription, Topic},
    rbac::Subject,
    service::sessions::{self, Session},
};
use futures_util::StreamExt as _;
use http::StatusCode;
use std::{
    ops::ControlFlow::{self, Break, Continue},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

/// How often the source is read without an event.
const POLL: Duration = Duration::from_secs(5);
/// How often the client is pinged, so that proxies between keep the connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often the session is checked without an event.
const RECHECK: Duration = Duration::from_secs(60);
/// The longest a client may take to read one message.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest message that is accepted; clients have nothing to say.
const MAX_RECEIVED: usize = 16 * 1024;
/// Bytes that are read at once. Held by every connection, most of which receive next to nothing.
const READ_BUFFER: usize = 4 * 1024;
/// Messages that are accepted in all. Pings are answered and counted.
const MAX_MESSAGES: u32 = 10_000;

/// What a read found.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// What to send, one text message each.
    pub messages: Vec<String>,
    /// What comes then.
    pub then: Then,
}

/// What comes after a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// There is more to read at once.
    More,
    /// More may come later.
    #[default]
    Wait,
    /// Nothing more will come.
    End,
}

/// Something that is read piece by piece and remembers how far it was read.
#[async_trait]
pub trait Source: Send + 'static {
    /// The next piece. `subject` is asked for every time: permissions may change meanwhile. Whether this is
    /// the [end](Then::End) is found out before the messages are, so that none is left behind.
    ///
    /// # Errors
    /// Any ends the connection; [`NotFound`](ErrorKind::NotFound) when it may not be seen any longer.
    async fn next(&mut self, subject: &Subject) -> Result<Batch, Error>;
}

/// The extractor of a handler that may answer with a WebSocket.
pub type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// A WebSocket that takes messages of at most `max_message` bytes.
///
/// # Errors
/// 400 when the request is not for one.
pub(crate) fn accept(upgrade: Upgrade, max_message: usize) -> Result<WebSocketUpgrade, ApiError> {
    let refused = |rejection: WebSocketUpgradeRejection| {
        ApiError::new(StatusCode::BAD_REQUEST, "This needs a WebSocket.")
            .with_detail(rejection.body_text())
    };
    let upgrade = upgrade.map_err(refused)?;
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(max_message)
        .max_frame_size(max_message))
}

/// Answers with a WebSocket that carries `source`, which is read when `topic` has events.
#[must_use]
pub fn follow(
    state: &AppState,
    auth: &Auth,
    upgrade: Upgrade,
    route: &'static str,
    topic: Topic,
    source: impl Source,
) -> Response {
    let upgrade = match accept(upgrade, MAX_RECEIVED) {
        Ok(upgrade) => upgrade,
        Err(error) => return error.into_response(),
    };
    let open = state.metrics.websocket(route);
    let (state, session) = (state.clone(), Arc::clone(&auth.0));
    upgrade.on_upgrade(move |socket| async move {
        let tasks = state.tasks.clone();
        let follower = Follower {
            state,
            session,
            socket,
            received: 0,
        };
        tasks.track_future(follower.run(topic, source)).await;
        drop(open);
    })
}

struct Follower {
    state: AppState,
    session: Arc<Session>,
    socket: WebSocket,
    received: u32,
}

impl Follower {
    async fn run(mut self, topic: Topic, mut source: impl Source) {
        let (code, reason) = match self.follow(topic, &mut source).await {
            Ok(reason) => reason,
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                (close_code::POLICY, "the session ended")
            }
            Err(error) if error.kind() == ErrorKind::NotFound => (close_code::POLICY, "not found"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a stream failed");
                (close_code::ERROR, "the stream failed")
            }
        };
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let close = self.socket.send(Message::Close(Some(frame)));
        // The client may be gone already.
        let _ = timeout(SEND_TIMEOUT, close).await;
    }

    async fn follow(
        &mut self,
        topic: Topic,
        source: &mut impl Source,
    ) -> Result<(u16, &'static str), Error> {
        let pubsub = Arc::clone(&self.state.deps.pubsub);
        let mut events = pubsub.subscribe(topic).await?;
        let mut account = pubsub.subscribe(Topic::User(self.session.user.id)).await?;
        let mut ticks = Ticks::new();
        loop {
            let batch = source.next(&self.session.subject).await?;
            for message in batch.messages {
                if self.send(Message::Text(message.into())).await.is_break() {
                    return Ok((close_code::AWAY, "the client does not read"));
                }
            }
            match batch.then {
                Then::End => return Ok((close_code::NORMAL, "")),
                Then::More => {}
                Then::Wait => {
                    if let Break(end) = self.wait(&mut events, &mut account, &mut ticks).await? {
                        return Ok(end);
                    }
                }
            }
        }
    }

    /// Waits for a reason to read again.
    async fn wait(
        &mut self,
        events: &mut Subscription,
        account: &mut Subscription,
        ticks: &mut Ticks,
    ) -> Result<ControlFlow<(u16, &'static str)>, Error> {
        loop {
            tokio::select! {
                () = self.state.shutdown.cancelled() => {
                    return Ok(Break((close_code::AWAY, "the server stops")));
                }
                event = events.next() => {
                    if event.is_none() {
                        return Ok(Break((close_code::AWAY, "the server stops")));
                    }
                    return Ok(Continue(()));
                }
                _ = ticks.poll.tick() => return Ok(Continue(())),
                event = account.next(), if !ticks.account_ended => {
                    ticks.account_ended = event.is_none();
                    self.recheck().await?;
                }
                _ = ticks.recheck.tick() => self.recheck().await?,
                _ = ticks.heartbeat.tick() => {
                    if self.send(Message::Ping(bytes::Bytes::new())).await.is_break() {
                        return Ok(Break((close_code::AWAY, "the client does not read")));
                    }
                }
                message = self.socket.recv() => {
                    self.received += 1;
                    let goes_on = matches!(
                        message,
                        Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_)))
                    );
                    if !goes_on || self.received > MAX_MESSAGES {
                        return Ok(Break((close_code::NORMAL, "")));
                    }
                }
            }
        }
    }

    async fn recheck(&mut self) -> Result<(), Error> {
        let session = sessions::still_valid(&self.state.deps, &self.session).await?;
        self.session = Arc::new(session);
        Ok(())
    }

    async fn send(&mut self, message: Message) -> ControlFlow<()> {
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Continue(()),
            _ => Break(()),
        }
    }
}

struct Ticks {
    poll: tokio::time::Interval,
    heartbeat: tokio::time::Interval,
    recheck: tokio::time::Interval,
    account_ended: bool,
}

impl Ticks {
    fn new() -> Self {
        let every = |period| {
            let mut ticks = interval_at(Instant::now() + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        Self {
            poll: every(POLL),
            heartbeat: every(HEARTBEAT),
            recheck: every(RECHECK),
            account_ended: false,
        }
    }
}

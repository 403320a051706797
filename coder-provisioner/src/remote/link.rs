//! An open connection: frames in, frames out, and pings so that a dead one is noticed.

use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};
use futures_util::stream::SplitStream;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::envelope::Message;
use super::frame::{Frame, Frames};
use super::limits::{CHUNK_BYTES, LARGE_BYTES, MAX_SILENCE, PING_INTERVAL, QUEUED_FRAMES};
use crate::{Error, ErrorKind, Result};

/// Where messages are handed in to be sent.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    frames: mpsc::Sender<Frame>,
    large: Arc<Semaphore>,
}

/// The receiving half of a connection.
pub(super) struct Inbox<F> {
    stream: SplitStream<F>,
    sending_ended: CancellationToken,
}

/// The task that sends. It ends with its owner.
#[derive(Debug)]
pub(super) struct Sending(JoinHandle<()>);

/// Opens the halves of a connection.
pub(super) fn open<F: Frames>(frames: F) -> (Outbox, Inbox<F>, Sending) {
    let (mut sink, stream) = frames.split();
    let (sender, mut queue) = mpsc::channel(QUEUED_FRAMES);
    let sending_ended = CancellationToken::new();
    let ended = sending_ended.clone();
    let task = tokio::spawn(async move {
        let _ended = ended.drop_guard();
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let frame = tokio::select! {
                frame = queue.recv() => frame,
                _ = pings.tick() => Some(Frame::Ping),
            };
            let Some(frame) = frame else { return };
            let last = matches!(frame, Frame::Close(_));
            match timeout(MAX_SILENCE, sink.send(frame)).await {
                Ok(Ok(())) if !last => {}
                _ => return,
            }
        }
    });
    let outbox = Outbox {
        frames: sender,
        large: Arc::new(Semaphore::new(1)),
    };
    let inbox = Inbox {
        stream,
        sending_ended,
    };
    (outbox, inbox, Sending(task))
}

impl Outbox {
    /// Sends a message; its pieces leave room for those of other messages.
    pub(super) async fn send(&self, message: Message) -> Result<()> {
        let id = message.envelope.id;
        let text = message.envelope.to_text();
        let text = text.map_err(|error| Error::internal("a message cannot be written", error))?;
        let alone = if message.attached_bytes() > LARGE_BYTES {
            self.large.acquire().await.ok()
        } else {
            None
        };
        self.push(Frame::Text(text)).await?;
        for (_, bytes) in message.attachments {
            for piece in bytes.chunks(CHUNK_BYTES) {
                let mut frame = BytesMut::with_capacity(piece.len() + 8);
                frame.put_u64(id);
                frame.extend_from_slice(piece);
                self.push(Frame::Binary(frame.freeze())).await?;
            }
        }
        drop(alone);
        Ok(())
    }

    /// Ends the connection.
    pub(super) async fn close(&self, code: u16, reason: &str) {
        // Longer reasons do not fit into a close frame.
        let mut end = reason.len().min(120);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let reason = reason.get(..end).unwrap_or_default().to_owned();
        let _ = self.push(Frame::Close(Some((code, reason)))).await;
    }

    async fn push(&self, frame: Frame) -> Result<()> {
        self.frames.send(frame).await.map_err(|_| lost())
    }
}

impl<F: Frames> Inbox<F> {
    /// The next frame that matters.
    ///
    /// # Errors
    /// Why there is none: the connection is lost.
    pub(super) async fn next(&mut self) -> Result<Frame, String> {
        loop {
            let frame = tokio::select! {
                frame = timeout(MAX_SILENCE, self.stream.next()) => frame,
                () = self.sending_ended.cancelled() => return Err("it takes no more data".to_owned()),
            };
            match frame {
                Err(_) => return Err(format!("silent for {} s", MAX_SILENCE.as_secs())),
                Ok(None) => return Err("the other side went away".to_owned()),
                Ok(Some(Err(error))) => return Err(error.to_string()),
                Ok(Some(Ok(Frame::Ping | Frame::Pong))) => {}
                Ok(Some(Ok(frame))) => return Ok(frame),
            }
        }
    }
}

impl Sending {
    /// Waits until what was handed in before a close has been sent.
    pub(super) async fn ended(&mut self) {
        // Its only end is a return.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The error of calls whose connection ended.
pub(super) fn lost() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the connection to the server was lost",
    )
}

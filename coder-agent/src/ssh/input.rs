use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::limits::{INPUT_BUDGET, INPUT_OVERHEAD};

/// The bytes of a connection's clients that nobody has read yet, bounded over all channels.
///
/// SSH would let each channel say how much it can take, but the library grants more as soon as
/// data arrives. So a connection reads on for as long as this budget lasts, and stops reading
/// altogether, which slows the client down, when it is used up.
#[derive(Clone, Debug)]
pub(super) struct InputBudget(Arc<Semaphore>);

/// A place in the budget for one message.
#[derive(Debug)]
pub(super) struct Reserved {
    _permit: OwnedSemaphorePermit,
}

/// Where the handler puts a channel's input. Dropping it is the end of the input.
#[derive(Clone, Debug)]
pub(super) struct InputSender {
    queue: mpsc::Sender<Chunk>,
    backlog: Arc<AtomicUsize>,
}

/// Where a channel's task takes its input from.
#[derive(Debug)]
pub(super) struct InputReceiver(mpsc::Receiver<Chunk>);

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    _counted: Counted,
    _reserved: Reserved,
}

/// Counts a chunk in its channel's backlog for as long as it lives.
#[derive(Debug)]
struct Counted {
    backlog: Arc<AtomicUsize>,
    size: usize,
}

impl InputBudget {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(INPUT_BUDGET)))
    }

    /// Waits until there is room for a message of this size.
    pub(super) async fn reserve(&self, size: usize) -> Option<Reserved> {
        let cost = u32::try_from(size.saturating_add(INPUT_OVERHEAD).min(INPUT_BUDGET)).ok()?;
        Arc::clone(&self.0)
            .acquire_many_owned(cost)
            .await
            .ok()
            .map(|permit| Reserved { _permit: permit })
    }
}

pub(super) fn channel() -> (InputSender, InputReceiver) {
    // Each chunk holds at least its overhead of the budget, so the queue cannot be full first.
    let (sender, receiver) = mpsc::channel(INPUT_BUDGET / INPUT_OVERHEAD);
    (
        InputSender {
            queue: sender,
            backlog: Arc::default(),
        },
        InputReceiver(receiver),
    )
}

impl InputSender {
    /// Queues a message; it is dropped when the reader has gone, as bytes for a closed pipe are.
    pub(super) fn send(&self, bytes: Bytes, reserved: Reserved) {
        self.backlog.fetch_add(bytes.len(), Ordering::Relaxed);
        let counted = Counted {
            backlog: Arc::clone(&self.backlog),
            size: bytes.len(),
        };
        drop(self.queue.try_send(Chunk {
            bytes,
            _counted: counted,
            _reserved: reserved,
        }));
    }

    /// Bytes queued and not read yet.
    pub(super) fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }
}

impl InputReceiver {
    /// Writes everything into `target` until the client has sent its last byte or `target` takes
    /// no more, then shuts `target` down. Input that arrives later is dropped.
    pub(super) async fn copy_into<W: AsyncWrite + Unpin>(mut self, mut target: W) {
        while let Some(mut chunk) = self.0.recv().await {
            if target.write_all_buf(&mut chunk.bytes).await.is_err() {
                return;
            }
        }
        // Where there is nobody left there is nobody to tell.
        drop(target.shutdown().await);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.backlog.fetch_sub(self.size, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_went_away_frees_the_budget() {
        let budget = InputBudget::new();
        let (sender, receiver) = channel();
        drop(receiver);
        for _ in 0..3 {
            let reserved = budget.reserve(INPUT_BUDGET).await.unwrap();
            sender.send(Bytes::from_static(b"x"), reserved);
        }
        assert_eq!(sender.backlog(), 0);
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};

use super::limits::{INPUT_BUDGET, INPUT_BUSY, INPUT_MAX, INPUT_OVERHEAD, INPUT_STEP};

/// The bytes of a connection's client that nobody has read yet, bounded over all channels.
///
/// SSH would let each channel say how much it can take, but the library grants more as soon as
/// data arrives. So a connection reads on for as long as this budget lasts, and stops reading,
/// which slows the client down, when it is used up.
#[derive(Clone, Debug)]
pub(crate) struct InputBudget(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    used: AtomicUsize,
    limit: AtomicUsize,
    /// Counts what was given back, to see whether anybody reads.
    released: AtomicUsize,
    reader: AtomicWaker,
    exhausted: Notify,
}

/// A place in the budget for one message.
#[derive(Debug)]
struct Reserved {
    budget: Arc<Budget>,
    cost: usize,
}

/// Where the handler puts a channel's input. Dropping it is the end of the input.
#[derive(Clone, Debug)]
pub(super) struct InputSender {
    queue: mpsc::Sender<Chunk>,
    backlog: Backlog,
}

/// Bytes of a channel that were queued and not read yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog(Arc<AtomicUsize>);

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
    backlog: Backlog,
    size: usize,
}

impl InputBudget {
    pub(super) fn new() -> Self {
        Self(Arc::new(Budget {
            used: AtomicUsize::new(0),
            limit: AtomicUsize::new(INPUT_BUDGET),
            released: AtomicUsize::new(0),
            reader: AtomicWaker::new(),
            exhausted: Notify::new(),
        }))
    }

    /// Whether more may be read; if not, the task is woken when it may.
    pub(super) fn poll_room(&self, context: &mut Context<'_>) -> bool {
        if self.0.has_room() {
            return true;
        }
        self.0.reader.register(context.waker());
        self.0.exhausted.notify_one();
        self.0.has_room()
    }

    /// Waits until the budget is, or lately was, used up.
    pub(super) async fn exhausted(&self) {
        self.0.exhausted.notified().await;
    }

    /// How often something was given back; `None` while there is room.
    pub(super) fn released_while_exhausted(&self) -> Option<usize> {
        (!self.0.has_room()).then(|| self.0.released.load(Ordering::Relaxed))
    }

    /// Allows a little more, or says that this was enough.
    pub(super) fn extend(&self) -> bool {
        if self.0.limit.load(Ordering::Relaxed) >= INPUT_MAX {
            return false;
        }
        self.0.limit.fetch_add(INPUT_STEP, Ordering::Relaxed);
        self.0.reader.wake();
        true
    }

    /// Whether so much is unread that less should be on its way.
    pub(super) fn is_busy(&self) -> bool {
        self.0.used.load(Ordering::Acquire) >= INPUT_BUSY
    }

    fn reserve(&self, size: usize) -> Reserved {
        let cost = size.saturating_add(INPUT_OVERHEAD);
        self.0.used.fetch_add(cost, Ordering::AcqRel);
        Reserved {
            budget: Arc::clone(&self.0),
            cost,
        }
    }
}

impl Budget {
    fn has_room(&self) -> bool {
        self.used.load(Ordering::Acquire) < self.limit.load(Ordering::Relaxed)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let used = self.budget.used.fetch_sub(self.cost, Ordering::AcqRel) - self.cost;
        self.budget.released.fetch_add(1, Ordering::Relaxed);
        if used < INPUT_BUDGET / 2 {
            self.budget.limit.store(INPUT_BUDGET, Ordering::Relaxed);
        }
        if self.budget.has_room() {
            self.budget.reader.wake();
        }
    }
}

pub(super) fn channel() -> (InputSender, InputReceiver) {
    // Each chunk holds at least its overhead of the budget, so the queue cannot be full first.
    let (sender, receiver) = mpsc::channel(INPUT_MAX / INPUT_OVERHEAD + 1);
    (
        InputSender {
            queue: sender,
            backlog: Backlog::default(),
        },
        InputReceiver(receiver),
    )
}

impl InputSender {
    /// Queues a message; it is dropped when the reader has gone, as bytes for a closed pipe are.
    pub(super) fn send(&self, bytes: Bytes, budget: &InputBudget) {
        let size = bytes.len();
        self.backlog.0.fetch_add(size, Ordering::Relaxed);
        let counted = Counted {
            backlog: self.backlog.clone(),
            size,
        };
        let chunk = Chunk {
            bytes,
            _counted: counted,
            _reserved: budget.reserve(size),
        };
        drop(self.queue.try_send(chunk));
    }

    /// What was queued and not read yet; goes on to be right when this has gone.
    pub(super) fn backlog(&self) -> Backlog {
        self.backlog.clone()
    }
}

impl Backlog {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl InputReceiver {
    /// The next bytes; `None` after the client's last.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        Some(self.0.recv().await?.bytes)
    }

    /// The next bytes, if they have arrived.
    pub(super) fn next_if_ready(&mut self) -> Option<Bytes> {
        Some(self.0.try_recv().ok()?.bytes)
    }

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
        self.backlog.0.fetch_sub(self.size, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn has_room(budget: &InputBudget) -> bool {
        budget.poll_room(&mut Context::from_waker(Waker::noop()))
    }

    fn fill(budget: &InputBudget, sender: &InputSender) -> usize {
        let mut messages = 0;
        while has_room(budget) {
            sender.send(Bytes::from_static(b"x"), budget);
            messages += 1;
        }
        messages
    }

    #[tokio::test]
    async fn the_budget_bounds_bytes_and_messages() {
        let budget = InputBudget::new();
        let (sender, mut receiver) = channel();
        let messages = fill(&budget, &sender);
        assert_eq!(messages, INPUT_BUDGET.div_ceil(INPUT_OVERHEAD + 1));
        assert!(budget.is_busy());
        assert_eq!(sender.backlog().bytes(), messages);
        budget.exhausted().await;
        assert_eq!(budget.released_while_exhausted(), Some(0));
        drop(receiver.0.recv().await.unwrap());
        assert!(has_room(&budget));
        assert_eq!(budget.released_while_exhausted(), None);
        drop(receiver);
        assert_eq!(sender.backlog().bytes(), 0);
        assert!(!budget.is_busy());
    }

    #[test]
    fn extensions_are_bounded_and_taken_back() {
        let budget = InputBudget::new();
        let (sender, receiver) = channel();
        fill(&budget, &sender);
        let mut steps = 0;
        while budget.extend() {
            fill(&budget, &sender);
            steps += 1;
        }
        assert_eq!(steps, (INPUT_MAX - INPUT_BUDGET) / INPUT_STEP);
        drop(receiver);
        let (sender, _receiver) = channel();
        assert_eq!(
            fill(&budget, &sender),
            INPUT_BUDGET.div_ceil(INPUT_OVERHEAD + 1)
        );
    }

    #[test]
    fn a_reader_that_went_away_uses_nothing() {
        let budget = InputBudget::new();
        let (sender, receiver) = channel();
        drop(receiver);
        sender.send(Bytes::from(vec![0; INPUT_BUDGET]), &budget);
        assert!(has_room(&budget));
        assert_eq!(sender.backlog().bytes(), 0);
    }
}

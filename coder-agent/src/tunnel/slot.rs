use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;

use super::BoxedIo;
use super::moving::{Moving, Outcome};
use super::ws::WsIo;

/// Where a stream and whoever moves it meet; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Slot(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) moving: Moving,
    /// The new connection, until the stream takes it.
    pub(super) own: Option<Own>,
}

/// A stream's connection of its own.
pub(super) type Own = WsIo<BoxedIo>;

impl Slot {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                moving: Moving::new(),
                own: None,
            }),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        }))
    }

    /// A panic while the lock was held leaves a whole state behind.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a move, see [`Moving::begin`].
    pub(super) fn begin(&self) -> bool {
        self.lock().moving.begin()
    }

    /// Ends a move: with a connection, or without where that does no harm, or with the stream lost.
    pub(super) fn settle(&self, outcome: Outcome, own: Option<Own>) {
        let mut state = self.lock();
        state.own = own;
        state.moving.settle(outcome);
        drop(state);
        self.0.reader.wake();
        self.0.writer.wake();
    }

    /// Wakes the reading task when a move ends.
    pub(super) fn wake_reader(&self, cx: &Context<'_>) {
        self.0.reader.register(cx.waker());
    }

    /// Wakes the writing task when a move ends.
    pub(super) fn wake_writer(&self, cx: &Context<'_>) {
        self.0.writer.register(cx.waker());
    }
}

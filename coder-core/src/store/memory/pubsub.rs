//! Events inside one process.

use crate::event::{Event, Signal, Subscription, Topic};
use async_broadcast::{InactiveReceiver, Receiver, RecvError, Sender, TrySendError};
use futures_util::{StreamExt as _, stream};

/// Events kept for a subscriber that is slow to read; it misses what is older.
const CAPACITY: usize = 1_024;

/// The one channel of a store.
#[derive(Clone, Debug)]
pub(super) struct Bus {
    sender: Sender<Event>,
    /// Keeps the channel open while nobody listens.
    _open: InactiveReceiver<Event>,
}

impl Default for Bus {
    fn default() -> Self {
        let (mut sender, receiver) = async_broadcast::broadcast(CAPACITY);
        sender.set_overflow(true);
        sender.set_await_active(false);
        Self {
            sender,
            _open: receiver.deactivate(),
        }
    }
}

impl Bus {
    /// Never waits: the oldest event makes room.
    pub(super) fn send(&self, event: Event) {
        match self.sender.try_broadcast(event) {
            Ok(_) | Err(TrySendError::Inactive(_)) => {}
            Err(error) => tracing::debug!(%error, "an event reached nobody"),
        }
    }

    pub(super) fn subscribe(&self, topic: Topic) -> Subscription {
        let receiver = self.sender.new_receiver();
        stream::unfold(receiver, move |receiver| next(receiver, topic)).boxed()
    }
}

async fn next(mut receiver: Receiver<Event>, topic: Topic) -> Option<(Signal, Receiver<Event>)> {
    loop {
        match receiver.recv().await {
            Ok(event) if event.concerns(topic) => return Some((Signal::Event(event), receiver)),
            Ok(_) => {}
            Err(RecvError::Overflowed(_)) => return Some((Signal::Missed, receiver)),
            Err(RecvError::Closed) => return None,
        }
    }
}

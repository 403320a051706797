//! What a case works with.

use crate::{
    event::{Event, PubSub, Signal, Subscription, Topic},
    store::{Store, StoreError, StoreResult, Transaction},
};
use futures_util::{
    StreamExt as _,
    future::{Either, select},
    task::AtomicWaker,
};
use std::{
    fmt::{Debug, Formatter},
    future::{Future, poll_fn},
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

/// How long something that must happen may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a case answers.
pub type Outcome = Result<(), Failure>;

/// Why a case failed and where. Made by `?` from any error.
pub struct Failure {
    message: String,
    at: &'static Location<'static>,
}

impl Debug for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (at {})", self.message, self.at)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self {
            message,
            at: Location::caller(),
        }
    }
}

/// Something that a case needs is not there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Missing(&'static str);

/// The store under test, empty at the begin of each case.
#[derive(Clone)]
pub struct Backend {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its events.
    pub pubsub: Arc<dyn PubSub>,
}

impl Debug for Backend {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backend").finish_non_exhaustive()
    }
}

impl Backend {
    /// Begins a transaction.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub async fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        self.store.begin().await
    }

    /// Subscribes to a topic.
    ///
    /// # Errors
    /// As [`PubSub::subscribe`].
    pub async fn subscribe(&self, topic: Topic) -> crate::Result<Subscription> {
        self.pubsub.subscribe(topic).await
    }
}

/// The next event, [`Signal::Missed`] aside.
///
/// # Errors
/// When none comes in time, or the subscription ends.
pub async fn next_event(subscription: &mut Subscription) -> Result<Event, Missing> {
    let next = async {
        while let Some(signal) = subscription.next().await {
            if let Signal::Event(event) = signal {
                return Ok(event);
            }
        }
        Err(Missing("the subscription ended"))
    };
    within(next).await?
}

/// The output of a future that is not slow.
///
/// # Errors
/// When it takes too long.
pub async fn within<T>(future: impl Future<Output = T>) -> Result<T, Missing> {
    let timer = Arc::new((AtomicBool::new(false), AtomicWaker::new()));
    let shared = Arc::clone(&timer);
    // A thread, since nothing is known of the runtime. It ends early when unparked.
    let sleeper = std::thread::spawn(move || {
        std::thread::park_timeout(PATIENCE);
        shared.0.store(true, Ordering::SeqCst);
        shared.1.wake();
    });
    let elapsed = poll_fn(|context| {
        timer.1.register(context.waker());
        if timer.0.load(Ordering::SeqCst) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    let output = match select(std::pin::pin!(future), elapsed).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(_) => Err(Missing("it took too long")),
    };
    sleeper.thread().unpark();
    output
}

/// Something that must be there.
///
/// # Errors
/// When it is not.
pub fn present<T>(found: Option<T>) -> Result<T, Missing> {
    found.ok_or(Missing("nothing was found"))
}

/// Checks that a write met a uniqueness rule.
#[track_caller]
pub(super) fn assert_conflict<T: Debug>(result: StoreResult<T>, constraint: &str) {
    let conflict = matches!(&result, Err(error) if error.is_conflict_with(constraint));
    assert!(
        conflict,
        "expected a conflict with {constraint}, got {result:?}"
    );
}

/// Checks that a write was refused for its text.
#[track_caller]
pub(super) fn assert_invalid_text<T: Debug>(result: StoreResult<T>) {
    let invalid = matches!(&result, Err(StoreError::InvalidText { .. }));
    assert!(invalid, "expected invalid text, got {result:?}");
}

/// Checks that a list holds these texts in this order.
#[track_caller]
pub(super) fn assert_texts<T>(found: &[T], text: impl Fn(&T) -> &str, expected: &[&str]) {
    let texts: Vec<&str> = found.iter().map(text).collect();
    assert_eq!(texts, expected);
}

/// Checks that a list holds these values in any order.
#[track_caller]
pub(super) fn assert_same<T: Ord + Debug>(
    found: impl IntoIterator<Item = T>,
    expected: impl IntoIterator<Item = T>,
) {
    let mut found: Vec<T> = found.into_iter().collect();
    let mut expected: Vec<T> = expected.into_iter().collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

//! Many questions of the same kind, answered together.

use futures_util::future::BoxFuture;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::oneshot;

/// Questions that are answered in one go at most.
const MAX_TOGETHER: usize = 500;
/// Questions that wait at most.
const MAX_WAITING: usize = 20_000;

/// Collects questions while the last ones are being answered, and answers them together. One alone is answered at
/// once, or after the time for which others are waited for. Cheap to clone.
pub(super) struct Batch<Q, A>(Arc<Shared<Q, A>>);

type Answer<Q, A> = dyn Fn(Vec<Q>) -> BoxFuture<'static, Vec<A>> + Send + Sync;

struct Shared<Q, A> {
    waiting: Mutex<Waiting<Q, A>>,
    answer: Box<Answer<Q, A>>,
    linger: Duration,
}

struct Waiting<Q, A> {
    questions: Vec<(Q, oneshot::Sender<A>)>,
    is_answering: bool,
}

impl<Q: Send + 'static, A: Send + 'static> Batch<Q, A> {
    /// `answer` answers in the order of the questions.
    pub(super) fn new(
        linger: Duration,
        answer: impl Fn(Vec<Q>) -> BoxFuture<'static, Vec<A>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            waiting: Mutex::new(Waiting {
                questions: Vec::new(),
                is_answering: false,
            }),
            answer: Box::new(answer),
            linger,
        }))
    }

    /// `None` when too many wait already, or answering died.
    pub(super) async fn ask(&self, question: Q) -> Option<A> {
        let (sender, answered) = oneshot::channel();
        if self.0.add(question, sender)? {
            // Not by the one who asks: it may go away, and the others with it.
            tokio::spawn(Arc::clone(&self.0).answer_all());
        }
        answered.await.ok()
    }
}

impl<Q, A> Shared<Q, A> {
    async fn answer_all(self: Arc<Self>) {
        let _idle = Idle(&self);
        loop {
            tokio::time::sleep(self.linger).await;
            let Some(asked) = self.take() else { return };
            let (questions, senders): (Vec<Q>, Vec<_>) = asked.into_iter().unzip();
            let answers = (self.answer)(questions).await;
            for (answer, sender) in answers.into_iter().zip(senders) {
                // Whoever asked may have gone.
                let _ = sender.send(answer);
            }
        }
    }

    /// Whether somebody has to begin to answer; `None` when too many wait.
    fn add(&self, question: Q, sender: oneshot::Sender<A>) -> Option<bool> {
        let mut waiting = self.lock();
        if waiting.questions.len() >= MAX_WAITING {
            return None;
        }
        waiting.questions.push((question, sender));
        Some(!std::mem::replace(&mut waiting.is_answering, true))
    }

    /// The next to answer; `None`, and nobody answers any more, when there are none.
    fn take(&self) -> Option<Vec<(Q, oneshot::Sender<A>)>> {
        let mut waiting = self.lock();
        let together = waiting.questions.len().min(MAX_TOGETHER);
        waiting.is_answering = together > 0;
        (together > 0).then(|| waiting.questions.drain(..together).collect())
    }

    /// A panic while the lock was held leaves a whole list behind.
    fn lock(&self) -> MutexGuard<'_, Waiting<Q, A>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the next question begin anew, and drops those that nobody answers, when answering died.
struct Idle<'a, Q, A>(&'a Shared<Q, A>);

impl<Q, A> Drop for Idle<'_, Q, A> {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        if std::mem::take(&mut waiting.is_answering) {
            waiting.questions.clear();
        }
    }
}

impl<Q, A> Clone for Batch<Q, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q, A> fmt::Debug for Batch<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt as _, future::join_all};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn those_who_ask_together_are_answered_together() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let batch = Batch::new(Duration::ZERO, move |questions: Vec<usize>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                questions.into_iter().map(|number| number * 2).collect()
            }
            .boxed()
        });
        let answers = join_all((0..2_000).map(|number| batch.ask(number))).await;
        assert!(
            answers
                .into_iter()
                .enumerate()
                .all(|(n, answer)| answer == Some(n * 2))
        );
        assert!((4..=6).contains(&calls.load(Ordering::SeqCst)), "{calls:?}");
        assert_eq!(batch.ask(7).await, Some(14), "and begins anew");
    }

    #[tokio::test]
    async fn a_panic_costs_one_round_only() {
        let batch = Batch::new(Duration::ZERO, |questions: Vec<bool>| {
            async move {
                assert!(questions.iter().all(|good| *good), "bad question");
                questions
            }
            .boxed()
        });
        assert_eq!(batch.ask(false).await, None);
        assert_eq!(batch.ask(true).await, Some(true));
    }
}

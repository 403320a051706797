//! Events between servers, by LISTEN and NOTIFY.
//!
//! One connection listens to one channel and hands events to the subscribers of this process. It
//! is replaced when it breaks; since events may have been lost by then, every subscriber is told
//! so and looks at the store again. A subscriber that is too slow is told the same.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use coder_core::event::{Event, PubSub, Signal, Subscription, Topic};
use futures_util::stream;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::broadcast;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The channel of all events. Their payload is some 200 bytes of JSON; PostgreSQL's bound is 8000.
pub(super) const CHANNEL: &str = "coder_events";

/// Events kept for a slow subscriber before it is told that some were lost. Their place is held for every topic, and
/// there are thousands: one for each connected agent.
const QUEUE: usize = 8;
/// Silence after which the connection is tried, for those that break without a word.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How long anything on the connection may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// First and longest pause before a broken connection is replaced.
const RECONNECT_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Delivers what [`Transaction::publish`](coder_core::store::Transaction::publish) announced on
/// any server of the same database. Subscriptions end when it is dropped.
#[derive(Debug)]
pub struct PgPubSub {
    topics: Arc<Topics>,
    _stop: DropGuard,
}

impl PgPubSub {
    /// Begins to listen, and goes on in the background. While the database cannot be reached,
    /// subscribing still works: subscribers hear of missed events when it can.
    pub async fn start(options: PgConnectOptions) -> Self {
        let topics = Arc::new(Topics::default());
        let stop = CancellationToken::new();
        let first = listen(&options).await;
        let task = run(options, first, Arc::clone(&topics));
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped.run_until_cancelled(task).await;
        });
        Self {
            topics,
            _stop: stop.drop_guard(),
        }
    }
}

#[async_trait]
impl PubSub for PgPubSub {
    async fn subscribe(&self, topic: Topic) -> Result<Subscription, coder_core::Error> {
        let receiver = self.topics.subscribe(topic);
        let topics = Arc::downgrade(&self.topics);
        let entry = Entry {
            topics,
            topic,
            receiver,
        };
        Ok(Box::pin(stream::unfold(entry, |mut entry| async move {
            let signal = match entry.receiver.recv().await {
                Ok(signal) => signal,
                Err(broadcast::error::RecvError::Lagged(_)) => Signal::Missed,
                Err(broadcast::error::RecvError::Closed) => return None,
            };
            Some((signal, entry))
        })))
    }
}

/// One subscription; forgets its topic when it was the last of it.
#[derive(Debug)]
struct Entry {
    topics: std::sync::Weak<Topics>,
    topic: Topic,
    receiver: broadcast::Receiver<Signal>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(topics) = self.topics.upgrade() {
            topics.leave(self.topic);
        }
    }
}

/// Who hears of what.
#[derive(Debug, Default)]
struct Topics {
    senders: Mutex<HashMap<Topic, broadcast::Sender<Signal>>>,
}

impl Topics {
    fn subscribe(&self, topic: Topic) -> broadcast::Receiver<Signal> {
        let mut senders = self.lock();
        senders
            .entry(topic)
            .or_insert_with(|| broadcast::channel(QUEUE).0)
            .subscribe()
    }

    /// The caller still holds its receiver.
    fn leave(&self, topic: Topic) {
        let mut senders = self.lock();
        if senders
            .get(&topic)
            .is_some_and(|sender| sender.receiver_count() <= 1)
        {
            senders.remove(&topic);
        }
    }

    fn deliver(&self, event: &Event) {
        let senders = self.lock();
        for topic in topics_of(event) {
            if let Some(sender) = senders.get(&topic) {
                // Without a receiver there is nobody to miss it.
                let _ = sender.send(Signal::Event(event.clone()));
            }
        }
    }

    fn missed(&self) {
        for sender in self.lock().values() {
            let _ = sender.send(Signal::Missed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, broadcast::Sender<Signal>>> {
        // Nothing that holds the lock can leave the map half changed.
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The topics an event concerns; the inverse of [`Event::concerns`].
fn topics_of(event: &Event) -> Vec<Topic> {
    match *event {
        Event::JobPosted { .. } => vec![Topic::JobsPosted],
        Event::JobUpdated { job_id } | Event::JobLogs { job_id } => vec![Topic::Job(job_id)],
        Event::WorkspaceUpdated {
            workspace_id,
            owner_id,
        } => {
            vec![
                Topic::Workspace(workspace_id),
                Topic::WorkspacesOf(owner_id),
            ]
        }
        Event::AgentLogs { agent_id } | Event::AgentMetadata { agent_id } => {
            vec![Topic::Agent(agent_id)]
        }
        Event::UserUpdated { user_id, .. } => vec![Topic::User(user_id)],
        Event::ProvisionerKeyDeleted { key_id } => vec![Topic::ProvisionerKey(key_id)],
    }
}

async fn run(
    options: PgConnectOptions,
    first: Result<PgListener, sqlx::Error>,
    topics: Arc<Topics>,
) {
    let mut listener = first;
    let mut pause = RECONNECT_PAUSE.0;
    loop {
        let error = match listener {
            Ok(listener) => {
                pause = RECONNECT_PAUSE.0;
                receive(listener, &topics).await
            }
            Err(error) => error,
        };
        tracing::warn!(%error, "the connection that listens for events is broken");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RECONNECT_PAUSE.1);
        listener = listen(&options).await;
        if listener.is_ok() {
            // Only now: what happens from here on is heard of.
            topics.missed();
        }
    }
}

async fn listen(options: &PgConnectOptions) -> Result<PgListener, sqlx::Error> {
    // A pool of its own, because that is what the listener reconnects through: the store's would
    // lose a connection for ever, and that of a listener before may still wait for a dead peer.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ANSWER_TIMEOUT)
        .connect_lazy_with(options.clone());
    let connect = async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(listener)
    };
    tokio::time::timeout(ANSWER_TIMEOUT, connect)
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// Hands on events until the connection breaks for longer than a moment.
async fn receive(mut listener: PgListener, topics: &Topics) -> sqlx::Error {
    loop {
        match tokio::time::timeout(KEEPALIVE, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => match serde_json::from_str(notification.payload()) {
                Ok(event) => topics.deliver(&event),
                // From a server of another version; the state it tells of is in the store.
                Err(error) => tracing::debug!(%error, "an event that cannot be read"),
            },
            // Lost, and already listening again on a new connection.
            Ok(Ok(None)) => topics.missed(),
            Ok(Err(error)) => return error,
            Err(_silence) => {
                let answer = sqlx::query("SELECT 1").execute(&mut listener);
                match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return error,
                    Err(_) => return sqlx::Error::PoolTimedOut,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use coder_core::{
        id::{OrganizationId, ProvisionerJobId, UserId, WorkspaceAgentId, WorkspaceId},
        provisioner_job::ProvisionerType,
    };
    use futures_util::{FutureExt as _, StreamExt as _};
    use uuid::Uuid;

    use super::*;

    fn pubsub() -> PgPubSub {
        PgPubSub {
            topics: Arc::default(),
            _stop: CancellationToken::new().drop_guard(),
        }
    }

    #[test]
    fn every_event_reaches_exactly_the_topics_it_concerns() {
        let id = Uuid::from_u128(1);
        let (job_id, agent_id) = (ProvisionerJobId(id), WorkspaceAgentId(id));
        let (workspace_id, owner_id) = (WorkspaceId(id), UserId(id));
        let organization_id = OrganizationId(id);
        let events = [
            Event::JobPosted {
                organization_id,
                provisioner: ProvisionerType::Echo,
            },
            Event::JobUpdated { job_id },
            Event::JobLogs { job_id },
            Event::WorkspaceUpdated {
                workspace_id,
                owner_id,
            },
            Event::AgentLogs { agent_id },
            Event::AgentMetadata { agent_id },
            Event::UserUpdated {
                user_id: owner_id,
                at: chrono::DateTime::UNIX_EPOCH,
            },
        ];
        let topics = [
            Topic::JobsPosted,
            Topic::Job(job_id),
            Topic::Workspace(workspace_id),
            Topic::WorkspacesOf(owner_id),
            Topic::Agent(agent_id),
            Topic::User(owner_id),
        ];
        for event in events {
            for topic in topics {
                let delivered = topics_of(&event).contains(&topic);
                assert_eq!(delivered, event.concerns(topic), "{event:?} {topic:?}");
            }
        }
    }

    #[tokio::test]
    async fn slow_subscriber_is_told_that_it_missed_something() {
        let pubsub = pubsub();
        let job_id = ProvisionerJobId(Uuid::nil());
        let mut slow = pubsub.subscribe(Topic::Job(job_id)).await.unwrap();
        for _ in 0..=QUEUE {
            pubsub.topics.deliver(&Event::JobLogs { job_id });
        }
        assert_eq!(slow.next().await, Some(Signal::Missed));
        assert_eq!(
            slow.next().await,
            Some(Signal::Event(Event::JobLogs { job_id }))
        );
    }

    #[tokio::test]
    async fn topics_are_forgotten_with_their_last_subscriber() {
        let pubsub = pubsub();
        let topic = Topic::JobsPosted;
        let first = pubsub.subscribe(topic).await.unwrap();
        let mut second = pubsub.subscribe(topic).await.unwrap();
        drop(first);
        assert_eq!(pubsub.topics.lock().len(), 1);
        assert_eq!(second.next().now_or_never(), None);
        drop(second);
        assert_eq!(pubsub.topics.lock().len(), 0);
    }

    #[tokio::test]
    async fn subscriptions_end_with_the_publisher() {
        let pubsub = pubsub();
        let mut subscription = pubsub.subscribe(Topic::JobsPosted).await.unwrap();
        drop(pubsub);
        assert_eq!(subscription.next().await, None);
    }
}

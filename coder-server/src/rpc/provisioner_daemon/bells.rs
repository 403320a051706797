//! Who looks into the queue when a job is posted.

use coder_core::{
    event::{Event, PubSub, Signal, Subscription, Topic},
    id::OrganizationId,
    provisioner_daemon::ProvisionerDaemon,
    provisioner_job::{ProvisionerType, Tags},
};
use futures_util::StreamExt as _;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Daemons for which a job fits all or none.
type Domain = (OrganizationId, Vec<ProvisionerType>, Tags);

/// The bells of a server, one for each domain of daemons that are there. Cheap to clone.
///
/// Without them each posted job would send every idle daemon to the database, where all but one find nothing.
#[derive(Clone, Debug, Default)]
pub struct Bells(Arc<Mutex<BTreeMap<Domain, Weak<Bell>>>>);

/// Wakes one waiting daemon for each posted job. Who finds a job rings again, since there may be more of them than
/// were heard of.
#[derive(Debug)]
pub(super) struct Bell {
    rung: Notify,
    _listener: DropGuard,
}

impl Bells {
    /// The bell of a daemon's domain. It is rung for jobs that are posted from now on.
    pub(super) async fn of(
        &self,
        pubsub: &dyn PubSub,
        daemon: &ProvisionerDaemon,
    ) -> coder_core::Result<Arc<Bell>> {
        let mut provisioners = daemon.provisioners.clone();
        provisioners.sort_unstable();
        let domain = (daemon.organization_id, provisioners, daemon.tags.clone());
        if let Some(bell) = self.find(&domain) {
            return Ok(bell);
        }
        let events = pubsub.subscribe(Topic::JobsPosted).await?;
        let stop = CancellationToken::new();
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been faster.
        if let Some(bell) = bells.get(&domain).and_then(Weak::upgrade) {
            return Ok(bell);
        }
        let bell = Arc::new(Bell {
            rung: Notify::new(),
            _listener: stop.clone().drop_guard(),
        });
        bells.retain(|_, bell| bell.strong_count() > 0);
        bells.insert(domain.clone(), Arc::downgrade(&bell));
        let listen = listen(Arc::downgrade(&bell), domain, events);
        tokio::spawn(async move {
            tokio::select! {
                () = listen => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(bell)
    }

    fn find(&self, domain: &Domain) -> Option<Arc<Bell>> {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells.get(domain).and_then(Weak::upgrade)
    }
}

impl Bell {
    /// Wakes one of those who wait, or the next one who comes to wait.
    pub(super) fn ring(&self) {
        self.rung.notify_one();
    }

    /// Waits to be woken. A wait that is given up hands its ring on.
    pub(super) async fn rung(&self) {
        self.rung.notified().await;
    }
}

/// Rings for what is posted until the publisher goes away; daemons then poll.
async fn listen(bell: Weak<Bell>, domain: Domain, mut events: Subscription) {
    let (organization, provisioners, _) = domain;
    while let Some(signal) = events.next().await {
        let Some(bell) = bell.upgrade() else { return };
        match signal {
            Signal::Event(Event::JobPosted {
                organization_id,
                provisioner,
            }) if organization_id == organization && provisioners.contains(&provisioner) => {
                bell.ring();
            }
            Signal::Event(_) => {}
            Signal::Missed => bell.ring(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coder_core::{
        clock::{Clock as _, SystemClock},
        id::{ProvisionerDaemonId, ProvisionerKeyId},
        store::{MemoryStore, Store as _},
    };
    use futures_util::FutureExt as _;
    use std::time::Duration;
    use uuid::Uuid;

    fn daemon(organization: u128, tags: &[(&str, &str)]) -> ProvisionerDaemon {
        let tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        ProvisionerDaemon {
            id: ProvisionerDaemonId(Uuid::from_u128(1)),
            organization_id: OrganizationId(Uuid::from_u128(organization)),
            key_id: ProvisionerKeyId::BUILT_IN,
            name: "one".to_owned(),
            version: String::new(),
            api_version: String::new(),
            provisioners: vec![ProvisionerType::Echo],
            tags: tags.collect(),
            created_at: SystemClock.now(),
            last_seen_at: None,
        }
    }

    async fn post(store: &MemoryStore, organization: u128) {
        let mut tx = store.begin().await.unwrap();
        tx.publish(Event::JobPosted {
            organization_id: OrganizationId(Uuid::from_u128(organization)),
            provisioner: ProvisionerType::Echo,
        })
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn a_posted_job_wakes_one_of_each_domain() {
        let (store, bells) = (MemoryStore::new(), Bells::default());
        let mine = bells.of(&store, &daemon(1, &[])).await.unwrap();
        assert!(Arc::ptr_eq(
            &mine,
            &bells.of(&store, &daemon(1, &[])).await.unwrap()
        ));
        let tagged = bells.of(&store, &daemon(1, &[("a", "b")])).await.unwrap();
        let foreign = bells.of(&store, &daemon(2, &[])).await.unwrap();
        let (mut one, mut two) = (Box::pin(mine.rung()), Box::pin(mine.rung()));
        assert!(one.as_mut().now_or_never().is_none() && two.as_mut().now_or_never().is_none());
        post(&store, 1).await;
        tokio::time::timeout(Duration::from_secs(10), tagged.rung())
            .await
            .expect("other tags may fit, too");
        one.await;
        assert!(two.as_mut().now_or_never().is_none());
        assert!(foreign.rung().now_or_never().is_none());
        // Who was woken and found something wakes the next.
        mine.ring();
        two.await;
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_hands_its_ring_on() {
        let (store, bells) = (MemoryStore::new(), Bells::default());
        let bell = bells.of(&store, &daemon(1, &[])).await.unwrap();
        let (mut one, mut two) = (Box::pin(bell.rung()), Box::pin(bell.rung()));
        assert!(one.as_mut().now_or_never().is_none() && two.as_mut().now_or_never().is_none());
        bell.ring();
        drop(one);
        two.await;
    }

    #[tokio::test]
    async fn a_bell_goes_with_its_last_daemon() {
        let (store, bells) = (MemoryStore::new(), Bells::default());
        drop(bells.of(&store, &daemon(1, &[])).await.unwrap());
        let _other = bells.of(&store, &daemon(2, &[])).await.unwrap();
        assert_eq!(bells.0.lock().unwrap().len(), 1);
    }
}

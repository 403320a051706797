//! Keys with which daemons join.

use super::harness::Harness;
use coder_core::{
    ErrorKind,
    event::{Event, Signal, Topic},
    id::ProvisionerKeyId,
    provisioner_key::ProvisionerKey,
    rbac::Subject,
    secret::Secret,
    service::{
        daemons::{DaemonIdentity, Daemons},
        provisioner_keys::{NewProvisionerKey, ProvisionerKeys},
    },
};
use futures_util::StreamExt as _;

fn admin(harness: &Harness) -> Subject {
    harness.member(harness.world.user.id, &["template-admin"])
}

async fn key(harness: &Harness, name: &str) -> ProvisionerKey {
    with_secret(harness, name).await.0
}

async fn with_secret(harness: &Harness, name: &str) -> (ProvisionerKey, Secret) {
    let keys = ProvisionerKeys::new(harness.deps.clone());
    let new = NewProvisionerKey {
        name: name.to_owned(),
        ..NewProvisionerKey::default()
    };
    let organization = harness.world.organization.id;
    let secret = keys.create(&admin(harness), organization, new).await;
    let secret = secret.expect("created");
    let key = keys.authenticate(secret.expose()).await.expect("its key");
    (key, secret)
}

fn identity(harness: &Harness, key_id: ProvisionerKeyId) -> DaemonIdentity {
    let daemon = harness.daemon();
    DaemonIdentity {
        organization_id: daemon.organization_id,
        key_id,
        name: "one".to_owned(),
        version: daemon.version,
        api_version: daemon.api_version,
        provisioners: daemon.provisioners,
        tags: daemon.tags,
    }
}

#[tokio::test]
async fn a_deleted_key_gives_no_more_jobs() {
    let harness = Harness::new().await;
    let keys = ProvisionerKeys::new(harness.deps.clone());
    let daemons = Daemons::new(harness.deps.clone());
    let (rack, secret) = with_secret(&harness, "rack").await;
    let joined = daemons.register(&identity(&harness, rack.id)).await;
    let joined = joined.expect("joined");
    harness.create("first").await;
    let running = harness.jobs.acquire(&joined).await.expect("acquire");
    let running = running.expect("a job");
    harness.create("second").await;

    let topic = Topic::ProvisionerKey(rack.id);
    let mut events = harness.deps.pubsub.subscribe(topic).await.expect("events");
    let organization = rack.organization_id;
    keys.delete(&admin(&harness), organization, "rack")
        .await
        .expect("deleted");
    let expected = Signal::Event(Event::ProvisionerKeyDeleted { key_id: rack.id });
    assert_eq!(events.next().await, Some(expected));
    assert!(!keys.exists(rack.id).await.expect("asked"));
    assert!(
        keys.exists(ProvisionerKeyId::BUILT_IN)
            .await
            .expect("asked")
    );

    let refused = harness.jobs.acquire(&joined).await.expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    // What it runs may end, for which it may come back.
    let again = daemons.register(&identity(&harness, rack.id)).await;
    assert_eq!(again.expect("it is back").id, joined.id);
    let ending = keys.authenticate_daemon(secret.expose()).await;
    let (ending, jobs) = ending.expect("while it runs something");
    assert_eq!((ending.id, jobs.len()), (rack.id, 1));
    assert_eq!(
        (jobs[0].job_id, jobs[0].lease),
        (running.job.id, running.lease)
    );
    let refused = keys.authenticate(secret.expose()).await;
    assert_eq!(
        refused.expect_err("for nothing else").kind(),
        ErrorKind::Unauthenticated
    );
    let claim = coder_core::service::jobs::Claim {
        job_id: running.job.id,
        lease: running.lease,
    };
    let update = coder_core::service::jobs::JobUpdate::default();
    harness
        .jobs
        .update(claim, &update)
        .await
        .expect("still its");
    let failure = coder_core::service::jobs::JobFailure::default();
    harness.jobs.fail(claim, &failure).await.expect("ended");
    let refused = daemons.register(&identity(&harness, rack.id)).await;
    let refused = refused.expect_err("nothing runs");
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    let refused = keys.authenticate_daemon(secret.expose()).await;
    let refused = refused.expect_err("nothing runs");
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    // The next deletion takes the last trace of it away.
    key(&harness, "other").await;
    keys.delete(&admin(&harness), organization, "other")
        .await
        .expect("deleted");
    let left = harness.write(async |tx| tx.provisioner_keys().retired(organization).await);
    assert!(left.await.expect("read").is_empty());
}

#[tokio::test]
async fn a_name_belongs_to_one_key_while_its_daemon_lives() {
    let harness = Harness::new().await;
    let daemons = Daemons::new(harness.deps.clone());
    let (one, two) = (key(&harness, "a").await, key(&harness, "b").await);
    let joined = daemons.register(&identity(&harness, one.id)).await;
    let joined = joined.expect("joined");
    let refused = daemons.register(&identity(&harness, two.id)).await;
    assert_eq!(refused.expect_err("refused").kind(), ErrorKind::Conflict);
    // The server's own daemon is not kept out by others.
    let own = identity(&harness, ProvisionerKeyId::BUILT_IN);
    let own = daemons.register(&own).await.expect("joined");
    assert_eq!(own.id, joined.id);
}

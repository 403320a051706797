//! The memory store does what every store must.

use coder_core::{
    event::{Event, PubSub as _, Signal, Topic},
    id::UserId,
    store::{
        MemoryStore, Store as _,
        conformance::{Failure, fixture},
    },
};
use futures_util::StreamExt as _;
use std::sync::Arc;

coder_core::store_conformance!(memory, async {
    let store = Arc::new(MemoryStore::new());
    (Arc::clone(&store) as _, store as _, ())
});

/// A slow reader never holds up a writer; it is told that it missed something.
#[tokio::test]
async fn a_slow_subscriber_is_told_that_it_missed_events() -> Result<(), Failure> {
    let store = MemoryStore::new();
    let user_id: UserId = fixture::id(1);
    let mut subscription = store.subscribe(Topic::User(user_id)).await?;
    for seconds in 0..5_000 {
        let mut tx = store.begin().await?;
        let at = fixture::at(seconds);
        tx.publish(Event::UserUpdated { user_id, at }).await?;
        tx.commit().await?;
    }
    assert_eq!(subscription.next().await, Some(Signal::Missed));
    let next = subscription.next().await;
    assert!(matches!(next, Some(Signal::Event(_))), "{next:?}");
    Ok(())
}

/// A subscription ends with its store.
#[tokio::test]
async fn a_subscription_ends_with_the_store() -> Result<(), Failure> {
    let store = MemoryStore::new();
    let mut subscription = store.subscribe(Topic::JobsPosted).await?;
    drop(store);
    assert_eq!(subscription.next().await, None);
    Ok(())
}

/// A case that the macro does not name would be run by no store.
#[test]
fn every_case_is_in_the_macro() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/conformance");
    let list = std::fs::read_to_string(format!("{folder}/macros.rs")).expect("the macro");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the sources") {
        let path = entry.expect("an entry").path();
        let area = path.file_stem().expect("a name").to_string_lossy();
        let begin = format!(" {area} {{");
        let named = list
            .split_once(&begin)
            .and_then(|(_, rest)| rest.split_once('}'));
        let named = named.map_or("", |(cases, _)| cases);
        let text = std::fs::read_to_string(&path).expect("text");
        let functions = text
            .lines()
            .filter_map(|line| line.strip_prefix("pub async fn "));
        for case in functions.filter_map(|line| line.split_once("(backend: Backend)")) {
            let case = case.0;
            assert!(named.contains(&format!(" {case},")), "{area}::{case}");
            count += 1;
        }
    }
    assert!(count > 100, "only {count} cases were found");
}

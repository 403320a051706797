//! Reads objects together with what clients are shown of them, a constant number of lookups for any
//! number of objects.

mod agent;
mod build;
mod job;
mod resource;
mod workspace;

pub use agent::{AgentDetails, agents};
pub use build::{BuildDetails, build, builds};
pub use job::{JobDetails, JobSubject, MatchedProvisioners, job, jobs, matched_provisioners};
pub use resource::{ResourceDetails, resources};
pub use workspace::{WorkspaceDetails, workspaces};

use std::collections::BTreeMap;

/// Values by a key of theirs.
fn index<K: Ord, V>(values: Vec<V>, key: impl Fn(&V) -> K) -> BTreeMap<K, V> {
    values
        .into_iter()
        .map(|value| (key(&value), value))
        .collect()
}

/// Values grouped by a key of theirs, in their order.
fn group<K: Ord, V>(values: Vec<V>, key: impl Fn(&V) -> K) -> BTreeMap<K, Vec<V>> {
    let mut groups: BTreeMap<K, Vec<V>> = BTreeMap::new();
    for value in values {
        groups.entry(key(&value)).or_default().push(value);
    }
    groups
}

/// The distinct values.
fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect()
}

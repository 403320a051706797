//! Warnings that come with every connection, said once in a while.

use crate::cli::output::{error_line, printable};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long the same warning is not repeated.
const PAUSE: Duration = Duration::from_secs(10);
/// Different warnings that are remembered.
const MAX_REMEMBERED: usize = 64;

/// What was said when.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<BTreeMap<String, Instant>>);

impl Complaints {
    /// Warns, unless the same was said just now.
    pub(super) fn warn(&self, text: &str) {
        if self.is_due(text, Instant::now()) {
            error_line(&format!("warning: {}", printable(text)));
        }
    }

    fn is_due(&self, text: &str, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, at| now < *at + PAUSE);
        if said.contains_key(text) || said.len() >= MAX_REMEMBERED {
            return false;
        }
        said.insert(text.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_again_only_later() {
        let complaints = Complaints::default();
        let now = Instant::now();
        assert!(complaints.is_due("a", now) && complaints.is_due("b", now));
        assert!(!complaints.is_due("a", now + PAUSE / 2));
        assert!(complaints.is_due("a", now + PAUSE));
    }
}

//! Waiting for something to become true, with a deadline instead of a guess.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// Asks until there is an answer, at most for `limit`.
///
/// # Panics
/// When there is none in time; `what` says what was waited for.
#[expect(clippy::panic, reason = "this is how a test fails")]
pub fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    poll(limit, &mut ask).unwrap_or_else(|| panic!("waited {limit:?} in vain for {what}"))
}

/// Asks until there is an answer or `limit` is over.
pub fn poll<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        sleep(Duration::from_millis(50));
    }
}

//! The keys that Google publishes, kept for as long as it says.

use super::VerifyError;
use coder_core::{Timestamp, clock::Clock};
use jsonwebtoken::jwk::JwkSet;
use reqwest::header::{CACHE_CONTROL, HeaderMap};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;
use url::Url;

/// How long an answer may take, and how large it may be.
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_BYTES: usize = 64 * 1024;
/// Bounds on what the answer says of its own life, in seconds.
const MIN_AGE: i64 = 60;
const MAX_AGE: i64 = 24 * 3_600;
/// Keys are not fetched more often, however many tokens name unknown ones. Seconds.
const PAUSE: i64 = 60;
/// Nor sooner after a failure: who asks meanwhile is refused at once and waits for nothing. Seconds.
const PAUSE_AFTER_FAILURE: i64 = 5;

/// Fetches keys and keeps them.
pub(super) struct GoogleKeys {
    url: Url,
    clock: Arc<dyn Clock>,
    /// Held while fetching: one fetch serves all who wait.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    failed_at: Option<Timestamp>,
}

struct Kept {
    keys: Arc<JwkSet>,
    fetched_at: Timestamp,
    max_age: i64,
}

impl GoogleKeys {
    pub(super) fn new(url: Url, clock: Arc<dyn Clock>) -> Self {
        Self {
            url,
            clock,
            state: Mutex::default(),
        }
    }

    /// The keys, with that of this name if Google has it.
    pub(super) async fn with(&self, name: &str) -> Result<Arc<JwkSet>, VerifyError> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if let Some(kept) = &state.kept {
            let age = (now - kept.fetched_at).num_seconds();
            let knows = kept.keys.find(name).is_some();
            if (knows && age < kept.max_age) || (!knows && age < PAUSE) {
                return Ok(Arc::clone(&kept.keys));
            }
        }
        let pause = |at: Timestamp| (now - at).num_seconds() < PAUSE_AFTER_FAILURE;
        if state.failed_at.is_some_and(pause) {
            return Err(VerifyError::Unavailable(
                "the last try has just failed".into(),
            ));
        }
        let fetched = self.fetch().await;
        state.failed_at = fetched.is_err().then_some(now);
        let (keys, max_age) = fetched.map_err(VerifyError::Unavailable)?;
        let keys = Arc::new(keys);
        state.kept = Some(Kept {
            keys: Arc::clone(&keys),
            fetched_at: now,
            max_age,
        });
        Ok(keys)
    }

    async fn fetch(&self) -> Result<(JwkSet, i64), Box<dyn std::error::Error + Send + Sync>> {
        // Once in hours, and never where no machine is Google's: not worth keeping a client for.
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let response = http.get(self.url.clone()).send().await?;
        let mut response = response.error_for_status()?;
        let max_age = max_age(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err("the answer is too large".into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok((serde_json::from_slice(&body)?, max_age))
    }
}

fn max_age(headers: &HeaderMap) -> i64 {
    let values = headers.get_all(CACHE_CONTROL).into_iter();
    let words = values.filter_map(|value| value.to_str().ok());
    let words = words.flat_map(|value| value.split(','));
    let age = words
        .filter_map(|word| word.trim().strip_prefix("max-age="))
        .find_map(|seconds| seconds.parse().ok());
    age.unwrap_or(MIN_AGE).clamp(MIN_AGE, MAX_AGE)
}

impl std::fmt::Debug for GoogleKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GoogleKeys")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let of = |text: &'static str| {
            let header = (
                CACHE_CONTROL,
                reqwest::header::HeaderValue::from_static(text),
            );
            max_age(&[header].into_iter().collect())
        };
        assert_eq!(of("public, max-age=20919, must-revalidate"), 20_919);
        assert_eq!(of("max-age=1"), MIN_AGE);
        assert_eq!(of("max-age=99999999999"), MAX_AGE);
        assert_eq!(of("max-age=x"), MIN_AGE);
        assert_eq!(max_age(&HeaderMap::new()), MIN_AGE);
    }
}

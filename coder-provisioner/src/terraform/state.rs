//! The state file: written before plan, watched while apply runs, read back afterwards.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::de::IgnoredAny;
use tokio::fs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::protocol::MAX_STATE_BYTES;
use crate::{Error, Result, StateSink};

/// How often the file is looked at while nothing points to a change.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// The state file of a session.
#[derive(Debug, Clone)]
pub(super) struct StateFile(PathBuf);

impl StateFile {
    /// The file that Terraform's local back end uses in `directory`.
    pub(super) fn new(directory: &Path) -> Self {
        Self(directory.join("terraform.tfstate"))
    }

    /// Puts the state in place; an empty one removes the file.
    pub(super) async fn write(&self, state: &[u8]) -> Result<()> {
        let failed = |error| Error::internal("write the state", error);
        match fs::remove_file(&self.0).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        if state.is_empty() {
            return Ok(());
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(&self.0).await.map_err(failed)?;
        file.write_all(state).await.map_err(failed)?;
        file.flush().await.map_err(failed)
    }

    /// The state as it is, empty when there is none.
    pub(super) async fn read(&self) -> Result<Bytes> {
        let failed = |error| Error::internal("read the state", error);
        let file = match fs::File::open(&self.0).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Bytes::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut state = Vec::new();
        let limit = MAX_STATE_BYTES as u64 + 1;
        file.take(limit)
            .read_to_end(&mut state)
            .await
            .map_err(failed)?;
        if state.len() > MAX_STATE_BYTES {
            let error = io::Error::other(format!("it is larger than {MAX_STATE_BYTES} bytes"));
            return Err(failed(error));
        }
        Ok(state.into())
    }

    /// Hands each new version of the state to `sink`, for as long as it is polled. `changed` says
    /// that a new version is likely.
    pub(super) async fn watch(&self, sink: &dyn StateSink, changed: &Notify) {
        let mut seen = self.stamp().await;
        loop {
            tokio::select! {
                () = changed.notified() => {}
                () = sleep(WATCH_INTERVAL) => {}
            }
            let stamp = self.stamp().await;
            if stamp == seen || stamp.is_none() {
                continue;
            }
            // Terraform writes in place: what does not parse is half written, and looked at again.
            if let Ok(state) = self.read().await
                && serde_json::from_slice::<IgnoredAny>(&state).is_ok()
            {
                seen = stamp;
                sink.snapshot(state);
            }
        }
    }

    async fn stamp(&self) -> Option<(SystemTime, u64)> {
        let found = fs::metadata(&self.0).await.ok()?;
        Some((found.modified().ok()?, found.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Mutex;
    use tokio::time::timeout;

    #[derive(Default)]
    struct Kept(Mutex<Vec<Bytes>>, Notify);

    impl StateSink for Kept {
        fn snapshot(&self, state: Bytes) {
            self.0.lock().unwrap().push(state);
            self.1.notify_one();
        }
    }

    #[tokio::test]
    async fn state_is_private_and_survives() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(folder.path());
        assert!(file.read().await.unwrap().is_empty());
        file.write(b"{}").await.unwrap();
        let mode = std::fs::metadata(&file.0).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(file.read().await.unwrap(), "{}");
        file.write(b"").await.unwrap();
        assert!(!file.0.exists());
    }

    #[tokio::test]
    async fn whole_versions_are_handed_over_and_half_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(folder.path());
        let kept = Kept::default();
        let changed = Notify::new();
        let script = async {
            tokio::fs::write(&file.0, b"{\"half\":").await.unwrap();
            changed.notify_one();
            tokio::task::yield_now().await;
            tokio::fs::write(&file.0, b"{\"serial\":1}").await.unwrap();
            changed.notify_one();
            timeout(Duration::from_secs(10), kept.1.notified())
                .await
                .unwrap();
        };
        tokio::select! {
            () = file.watch(&kept, &changed) => {}
            () = script => {}
        }
        // A version may be handed over twice, when it was written while it was looked at.
        let states = kept.0.lock().unwrap();
        assert!(
            states.iter().all(|state| state == "{\"serial\":1}"),
            "{states:?}"
        );
    }
}

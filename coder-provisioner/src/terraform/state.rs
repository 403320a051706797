//! The state file: written before plan, watched while apply runs, read back afterwards.
//!
//! Terraform writes it in place, so one that was killed, or whose disk was full, leaves half a file. What is not whole
//! is never taken for the state: it would replace a good one.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Deserialize;
use tokio::fs;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::provisioner::blocking;
use crate::protocol::MAX_STATE_BYTES;
use crate::{Error, ErrorKind, Result, StateSink};

/// The file that Terraform's local back end writes.
pub(super) const STATE_FILE: &str = "terraform.tfstate";
/// How often the file is looked at while nothing points to a change.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);
/// Terraform says that a resource is there shortly before it writes the state: for a while the file is looked at
/// this often.
const SOON: Duration = Duration::from_millis(10);
/// How many times that is.
const SOON_LOOKS: u32 = 25;
/// Space that must be free where the state is written before anything is made.
const MIN_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// The state file of a session.
#[derive(Debug, Clone)]
pub(super) struct StateFile {
    path: PathBuf,
    /// Where Terraform writes when it cannot write the state file.
    errored: PathBuf,
}

/// What a state file holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is none.
    Nothing,
    /// Half a state, or something else.
    Broken,
    /// A state.
    Whole(Bytes),
}

/// What every state has.
#[derive(Deserialize)]
struct Marks {
    #[serde(rename = "version")]
    _version: u64,
    #[serde(rename = "serial")]
    _serial: u64,
}

impl StateFile {
    /// The file that Terraform's local back end uses in `directory`.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join(STATE_FILE),
            errored: directory.join("errored.tfstate"),
        }
    }

    /// Puts the state in place; an empty one removes the file.
    pub(super) async fn write(&self, state: &[u8]) -> Result<()> {
        let failed = |error| Error::internal("write the state", error);
        for path in [&self.path, &self.errored] {
            match fs::remove_file(path).await {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        if state.is_empty() {
            return Ok(());
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(&self.path).await.map_err(failed)?;
        file.write_all(state).await.map_err(failed)?;
        file.flush().await.map_err(failed)
    }

    /// Refuses to go on where a state could not be written.
    pub(super) async fn check_space(&self) -> Result<()> {
        let folder = self.path.parent().unwrap_or(&self.path).to_owned();
        blocking(move || {
            let failed = |error: rustix::io::Errno| Error::internal("ask for free space", error);
            let found = rustix::fs::statvfs(&folder).map_err(failed)?;
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            if free >= MIN_FREE_BYTES {
                return Ok(());
            }
            let text = format!(
                "only {} MiB of disk space are free for {}, and {} MiB are needed: free some, then try again",
                free / 1024 / 1024,
                folder.display(),
                MIN_FREE_BYTES / 1024 / 1024,
            );
            Err(Error::new(ErrorKind::Failed, text))
        })
        .await
    }

    /// The state as it is.
    pub(super) async fn read(&self) -> Found {
        let file = self.clone();
        let found = blocking(move || Ok(file.read_blocking())).await;
        found.unwrap_or(Found::Broken)
    }

    /// As [`Self::read`]. Blocks.
    pub(super) fn read_blocking(&self) -> Found {
        // It exists only when the newest state did not fit into the other.
        match read_whole(&self.errored) {
            whole @ Found::Whole(_) => whole,
            Found::Nothing | Found::Broken => read_whole(&self.path),
        }
    }

    /// Hands each new version of the state to `sink`, for as long as it is polled, and the last one when it is
    /// dropped. `changed` says that a new version is likely.
    pub(super) async fn watch(&self, sink: &dyn StateSink, changed: &Notify) {
        let _last = LastLook { file: self, sink };
        let mut seen = self.stamp().await;
        let mut soon = 0;
        loop {
            let pause = if soon > 0 { SOON } else { WATCH_INTERVAL };
            tokio::select! {
                () = changed.notified() => soon = SOON_LOOKS,
                () = sleep(pause) => soon = soon.saturating_sub(1),
            }
            let stamp = self.stamp().await;
            if stamp == seen || stamp.is_none() {
                continue;
            }
            // What is half written is looked at again.
            if let Found::Whole(state) = self.read().await {
                seen = stamp;
                sink.snapshot(state);
            }
        }
    }

    async fn stamp(&self) -> Option<(SystemTime, u64)> {
        let found = fs::metadata(&self.path).await.ok()?;
        Some((found.modified().ok()?, found.len()))
    }
}

/// Hands over the state when an apply is dropped, as after a cancel that took too long.
struct LastLook<'a> {
    file: &'a StateFile,
    sink: &'a dyn StateSink,
}

impl Drop for LastLook<'_> {
    fn drop(&mut self) {
        if let Found::Whole(state) = self.file.read_blocking() {
            self.sink.snapshot(state);
        }
    }
}

/// Whether this is a whole state.
pub(super) fn is_whole(state: &[u8]) -> bool {
    serde_json::from_slice::<Marks>(state).is_ok()
}

fn read_whole(path: &Path) -> Found {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Nothing,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the state cannot be read");
            return Found::Broken;
        }
    };
    let mut state = Vec::new();
    let read = file
        .take(MAX_STATE_BYTES as u64 + 1)
        .read_to_end(&mut state);
    if read.is_ok() && state.len() <= MAX_STATE_BYTES && is_whole(&state) {
        return Found::Whole(state.into());
    }
    Found::Broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Mutex;
    use tokio::time::timeout;

    const STATE: &str = "{\"version\":4,\"serial\":1}";

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
        assert_eq!(file.read().await, Found::Nothing);
        file.write(STATE.as_bytes()).await.unwrap();
        let mode = std::fs::metadata(&file.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(file.read().await, Found::Whole(STATE.into()));
        file.write(b"").await.unwrap();
        assert!(!file.path.exists());
    }

    // Covers R1 and R9.
    #[tokio::test]
    async fn half_a_state_is_not_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(folder.path());
        for half in ["", "{}", "{\"version\":4,\"serial\":1", "null"] {
            std::fs::write(&file.path, half).unwrap();
            assert_eq!(file.read().await, Found::Broken, "{half:?}");
        }
        // What did not fit is beside it.
        std::fs::write(&file.errored, STATE).unwrap();
        assert_eq!(file.read().await, Found::Whole(STATE.into()));
        file.write(b"").await.unwrap();
        assert_eq!(file.read().await, Found::Nothing);
    }

    #[tokio::test]
    async fn whole_versions_are_handed_over_and_half_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(folder.path());
        let kept = Kept::default();
        let changed = Notify::new();
        let script = async {
            tokio::fs::write(&file.path, b"{\"half\":").await.unwrap();
            changed.notify_one();
            tokio::task::yield_now().await;
            tokio::fs::write(&file.path, STATE).await.unwrap();
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
        assert!(states.iter().all(|state| state == STATE), "{states:?}");
    }
}

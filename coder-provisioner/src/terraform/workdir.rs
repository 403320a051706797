//! The directory of a session.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::leftovers::{self, Owner};
use crate::{Error, Result};

const PREFIX: &str = "Session";
/// Folder of the template.
pub(super) const TEMPLATE: &str = "template";
/// Folder of our own files.
pub(super) const CONTROL: &str = "control";
/// File in it that is locked, shared, by everybody who works on the session.
pub(super) const LOCK: &str = "lock";
/// File in it that says whose the session is. It comes last, when the lock is held.
pub(super) const OWNER: &str = "owner.json";
/// File in it that says that the state may have changed.
pub(super) const APPLYING: &str = "applying";
/// Directories that a crash left behind are removed at this age.
const STALE_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// A session's directory, 0700, removed when dropped, unless an apply was cut off: then the state in it may be
/// nowhere else, and it is left to [`super::leftovers`].
///
/// The template and our own files are in folders of their own, so that a template cannot bring
/// files that we would take for ours.
#[derive(Debug)]
pub(super) struct WorkDirectory {
    root: PathBuf,
    _lock: File,
}

impl WorkDirectory {
    /// Creates the directory of a session. Blocks.
    pub(super) fn create(parent: &Path, session: Uuid, owner: Owner) -> Result<Self> {
        create_private(parent).map_err(|error| failed("create", parent, error))?;
        let root = root(parent, session);
        for folder in [root.join(TEMPLATE), root.join(CONTROL)] {
            create_private(&folder).map_err(|error| failed("create", &folder, error))?;
        }
        let control = root.join(CONTROL);
        let path = control.join(LOCK);
        let lock = File::create_new(&path).map_err(|error| failed("create", &path, error))?;
        let locked = lock.try_lock_shared();
        locked.map_err(|error| failed("lock", &path, error.into()))?;
        let directory = Self { root, _lock: lock };
        leftovers::note(&control, owner).map_err(|error| failed("write to", &control, error))?;
        Ok(directory)
    }

    /// Notes that the state may change from now on. Blocks.
    pub(super) fn begin_apply(&self) -> Result<()> {
        let path = self.control().join(APPLYING);
        fs::write(&path, "").map_err(|error| failed("create", &path, error))
    }

    /// Notes that the state was handed over. Blocks.
    pub(super) fn end_apply(&self) {
        let path = self.control().join(APPLYING);
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "the state is looked after twice");
        }
    }

    /// Leaves everything as a kill would.
    #[cfg(test)]
    pub(super) fn abandon(mut self) {
        self.root = PathBuf::new();
    }

    /// Where the template is unpacked and Terraform runs.
    pub(super) fn template(&self) -> PathBuf {
        self.root.join(TEMPLATE)
    }

    /// Our own files: the plan, the values of variables.
    pub(super) fn control(&self) -> PathBuf {
        self.root.join(CONTROL)
    }

    /// What the launcher locks.
    pub(super) fn lock(&self) -> PathBuf {
        self.control().join(LOCK)
    }
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        if self.control().join(APPLYING).exists() {
            tracing::warn!(path = %self.root.display(), "an apply was cut off, its state is handed in later");
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.root) {
            tracing::warn!(path = %self.root.display(), %error, "a work directory stays behind");
        }
    }
}

/// Where the directory of a session is.
pub(super) fn root(parent: &Path, session: Uuid) -> PathBuf {
    parent.join(format!("{PREFIX}{session}"))
}

/// The directories of sessions. Blocks.
pub(super) fn sessions(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let is_session = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        id.is_some_and(|id| Uuid::parse_str(id).is_ok())
    };
    let found = entries.flatten().filter(is_session);
    found.map(|entry| entry.path()).collect()
}

/// Removes what crashed sessions left behind long ago. Blocks.
pub(super) fn sweep(parent: &Path, now: SystemTime) {
    for path in sessions(parent) {
        let age = fs::metadata(&path)
            .and_then(|found| found.modified())
            .ok()
            .and_then(|modified| now.duration_since(modified).ok());
        if age.is_some_and(|age| age > STALE_AFTER) {
            match fs::remove_dir_all(&path) {
                Ok(()) => tracing::info!(path = %path.display(), "removed a stale work directory"),
                Err(error) => tracing::warn!(path = %path.display(), %error, "stale directory"),
            }
        }
    }
}

/// Creates a folder that only its owner can enter; an existing one is fine.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn failed(action: &str, path: &Path, error: io::Error) -> Error {
    Error::internal(format!("{action} {}", path.display()), error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_directory_is_private_and_goes_away() {
        let parent = tempfile::tempdir().unwrap();
        let (job_id, lease) = (Uuid::nil().into(), Uuid::nil().into());
        let owner = Owner { job_id, lease };
        let directory = WorkDirectory::create(parent.path(), Uuid::from_u128(1), owner).unwrap();
        let root = directory.root.clone();
        for path in [&root, &directory.template(), &directory.control()] {
            assert_eq!(
                fs::metadata(path).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
        fs::write(directory.template().join("main.tf"), "").unwrap();
        drop(directory);
        assert!(!root.exists());
    }

    #[test]
    fn only_old_sessions_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let session = parent
            .path()
            .join(format!("{PREFIX}{}", Uuid::from_u128(1)));
        let other = parent.path().join("Sessions of mine");
        fs::create_dir(&session).unwrap();
        fs::create_dir(&other).unwrap();
        let made = fs::metadata(&session).unwrap().modified().unwrap();
        sweep(parent.path(), made + STALE_AFTER - Duration::from_secs(1));
        assert!(session.exists());
        sweep(parent.path(), made + STALE_AFTER * 2);
        assert!(!session.exists());
        assert!(other.exists());
    }
}

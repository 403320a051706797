//! The directory of a session.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::{Error, Result};

const PREFIX: &str = "Session";
/// Directories that a crash left behind are removed at this age.
const STALE_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// A session's directory, 0700, removed when dropped.
///
/// The template and our own files are in folders of their own, so that a template cannot bring
/// files that we would take for ours.
#[derive(Debug)]
pub(super) struct WorkDirectory {
    root: PathBuf,
}

impl WorkDirectory {
    /// Creates the directory of a session. Blocks.
    pub(super) fn create(parent: &Path, session: Uuid) -> Result<Self> {
        create_private(parent).map_err(|error| failed("create", parent, error))?;
        let root = parent.join(format!("{PREFIX}{session}"));
        create_private(&root).map_err(|error| failed("create", &root, error))?;
        let directory = Self { root };
        for folder in [directory.template(), directory.control()] {
            create_private(&folder).map_err(|error| failed("create", &folder, error))?;
        }
        Ok(directory)
    }

    /// Where the template is unpacked and Terraform runs.
    pub(super) fn template(&self) -> PathBuf {
        self.root.join("template")
    }

    /// Our own files: the plan, the values of variables.
    pub(super) fn control(&self) -> PathBuf {
        self.root.join("control")
    }
}

impl Drop for WorkDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.root) {
            tracing::warn!(path = %self.root.display(), %error, "a work directory stays behind");
        }
    }
}

/// Removes what crashed sessions left behind long ago. Blocks.
pub(super) fn sweep(parent: &Path, now: SystemTime) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_session = name.to_str().is_some_and(|name| {
            name.strip_prefix(PREFIX)
                .is_some_and(|id| Uuid::parse_str(id).is_ok())
        });
        let age = entry
            .metadata()
            .and_then(|found| found.modified())
            .ok()
            .and_then(|modified| now.duration_since(modified).ok());
        if is_session && age.is_some_and(|age| age > STALE_AFTER) {
            let path = entry.path();
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
        let directory = WorkDirectory::create(parent.path(), Uuid::from_u128(1)).unwrap();
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

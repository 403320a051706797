use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use coder_core::clock::{Entropy, OsEntropy};

use crate::platform::files::make_private_folder;

/// Letters of a folder's name that nobody can guess.
const NAME_LETTERS: usize = 10;

/// A folder for a short time that only this user can enter; removed with what is in it.
#[derive(Debug)]
pub(super) struct PrivateFolder(PathBuf);

impl PrivateFolder {
    /// Makes one below the first of `parents` where that is possible.
    pub(super) fn create(parents: &[PathBuf]) -> io::Result<Self> {
        let mut outcome = Err(io::ErrorKind::NotFound.into());
        for parent in parents {
            let path = parent.join(format!("ssh-{}", random_name(&OsEntropy)));
            outcome = make_private_folder(&path);
            if outcome.is_ok() {
                return Ok(Self(path));
            }
        }
        Err(outcome
            .err()
            .unwrap_or_else(|| io::ErrorKind::NotFound.into()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // What cannot be removed stays.
        drop(fs::remove_dir_all(&self.0));
    }
}

fn random_name(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; NAME_LETTERS];
    entropy.fill(&mut bytes);
    bytes
        .iter()
        .map(|byte| char::from(b'a' + byte % 26))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn nobody_else_gets_in_and_nothing_is_left() {
        let parent = tempfile::tempdir().unwrap();
        let parents = ["/does/not/exist".into(), parent.path().to_owned()];
        let folder = PrivateFolder::create(&parents).unwrap();
        let path = folder.path().to_owned();
        assert_eq!(path.parent(), Some(parent.path()));
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o700);
        fs::write(path.join("file"), "").unwrap();
        drop(folder);
        assert!(!path.exists());
        assert!(PrivateFolder::create(&[]).is_err());
        assert!(PrivateFolder::create(&parents[..1]).is_err());
    }
}

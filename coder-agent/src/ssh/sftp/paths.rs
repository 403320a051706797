//! Requests that concern paths.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::attributes::Attributes;
use super::status::{Failure, Status};
use crate::platform::{Opening, files, metadata};

/// Whether links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    Follow,
    Keep,
}

pub(super) fn make_directory(path: &Path, attributes: Attributes) -> io::Result<()> {
    files::make_folder(path, attributes.permissions)
}

/// Removes anything but a directory.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Renames without replacing, as SFTP 3 wants it.
///
/// A file is linked under its new name first, which cannot replace anything. Where that is not
/// possible there is a moment between looking and renaming, as in OpenSSH's server.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), Failure> {
    let old = fs::symlink_metadata(from)?;
    if old.is_file() {
        match fs::hard_link(from, to) {
            Ok(()) => return Ok(fs::remove_file(from)?),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error.into()),
            Err(_) => {}
        }
    }
    match fs::symlink_metadata(to) {
        Ok(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists).into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(fs::rename(from, to)?),
        Err(error) => Err(error.into()),
    }
}

/// The path without links and dots. Its last part may be missing, so that clients can ask where
/// something would be.
pub(super) fn real_path(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                return Err(error);
            };
            Ok(fs::canonicalize(parent)?.join(name))
        }
        result => result,
    }
}

/// Changes what a path leads to; tries everything and tells the last failure.
pub(super) fn set_attributes(
    path: &Path,
    attributes: Attributes,
    links: Links,
) -> Result<(), Failure> {
    let follow = links == Links::Follow;
    let mut outcome = Ok(());
    let mut note = |result: io::Result<()>| {
        if let Err(error) = result {
            outcome = Err(error.into());
        }
    };
    if let Some(size) = attributes.size {
        match links {
            Links::Follow => note(set_length(path, size)),
            // A link has no length of its own that could be set.
            Links::Keep => return Err(Status::BadMessage.into()),
        }
    }
    if let Some(permissions) = attributes.permissions {
        note(metadata::set_permissions(path, permissions, follow));
    }
    if let Some(times) = attributes.times {
        note(metadata::set_times(path, times, follow));
    }
    if let Some(owner) = attributes.owner {
        note(metadata::set_owner(path, owner, follow));
    }
    outcome
}

fn set_length(path: &Path, size: u64) -> io::Result<()> {
    let opening = Opening {
        write: true,
        ..Opening::default()
    };
    files::open(path, opening, None)?.set_len(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renaming_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
        fs::write(&a, "a").unwrap();
        fs::write(&b, "b").unwrap();
        assert!(rename(&a, &b).is_err());
        rename(&a, &c).unwrap();
        assert_eq!(fs::read_to_string(&c).unwrap(), "a");
        assert!(rename(&a, &c).is_err());
        fs::create_dir(&a).unwrap();
        assert!(rename(&a, &b).is_err());
        fs::remove_file(&b).unwrap();
        rename(&a, &b).unwrap();
        assert!(b.is_dir());
        std::os::unix::fs::symlink("nowhere", &a).unwrap();
        assert!(rename(&c, &a).is_err());
        assert!(rename(&a, &c).is_err());
    }

    #[test]
    fn the_last_part_of_a_real_path_may_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        assert_eq!(real_path(&root.join("./new")).unwrap(), root.join("new"));
        assert_eq!(
            real_path(&root.join("..").join(root.file_name().unwrap())).unwrap(),
            root
        );
        assert!(real_path(&root.join("no/new")).is_err());
        assert_eq!(real_path(Path::new("/")).unwrap(), Path::new("/"));
    }
}

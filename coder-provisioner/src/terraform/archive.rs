//! Unpacking a template archive from a person who may be hostile.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use tar::EntryType;

use crate::protocol::MAX_ARCHIVE_BYTES;
use crate::{Error, ErrorKind, Result};

/// Most entries of an archive.
const MAX_ENTRIES: usize = 20_000;
/// Longest path in an archive, in bytes.
const MAX_PATH_BYTES: usize = 1024;
/// Deepest folder in an archive.
const MAX_DEPTH: usize = 64;

/// Unpacks a tar archive of plain files and folders into the existing, empty folder `target`.
///
/// Files keep their permission bits without set-user-id and the like, and are always readable and
/// writable by the owner; folders have 0700. Blocks while it writes.
///
/// # Errors
/// [`ErrorKind::InvalidArchive`] for absolute or upward paths, links, devices, FIFOs, sparse
/// files, two entries of one name, too many or too large entries, and broken archives. What was
/// unpacked before the bad entry stays in `target`.
pub fn extract(archive: &[u8], target: &Path) -> Result<()> {
    if archive.len() > MAX_ARCHIVE_BYTES {
        return Err(refused(format!(
            "it is larger than {MAX_ARCHIVE_BYTES} bytes"
        )));
    }
    let mut seen = BTreeSet::new();
    let mut total = 0_u64;
    let mut reader = tar::Archive::new(archive);
    let entries = reader.entries().map_err(broken)?;
    for (count, entry) in entries.enumerate() {
        if count >= MAX_ENTRIES {
            return Err(refused(format!("it has more than {MAX_ENTRIES} entries")));
        }
        let mut entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let path = safe_path(&entry.path_bytes())?;
        let Some(path) = path else { continue };
        match kind {
            EntryType::Directory => create_folders(target, &path)?,
            EntryType::Regular => {
                if !seen.insert(path.clone()) {
                    return Err(refused(format!("{} is in it twice", path.display())));
                }
                total = total.saturating_add(entry.size());
                if total > MAX_ARCHIVE_BYTES as u64 {
                    return Err(refused(format!(
                        "its files exceed {MAX_ARCHIVE_BYTES} bytes"
                    )));
                }
                if let Some(parent) = path.parent() {
                    create_folders(target, parent)?;
                }
                let mode = entry.header().mode().unwrap_or(0);
                let size = entry.size();
                write_file(&mut entry, size, mode, &target.join(&path), &path)?;
            }
            _ => {
                let text = format!("{} is neither a file nor a folder", path.display());
                return Err(refused(text));
            }
        }
    }
    Ok(())
}

/// The path of an entry when it is relative, stays below the target and is of a sane length;
/// `None` for the target itself.
fn safe_path(bytes: &[u8]) -> Result<Option<PathBuf>> {
    let text = std::str::from_utf8(bytes).map_err(|_| refused("a path is not UTF-8".to_owned()))?;
    if text.len() > MAX_PATH_BYTES {
        return Err(refused("a path is too long".to_owned()));
    }
    if text.chars().any(char::is_control) {
        return Err(refused(format!("the path {text:?} has control characters")));
    }
    let mut path = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(refused(format!("the path {text:?} leads out of it")));
            }
        }
    }
    if path.components().count() > MAX_DEPTH {
        return Err(refused(format!("the path {text:?} is too deep")));
    }
    Ok((!path.as_os_str().is_empty()).then_some(path))
}

fn create_folders(target: &Path, path: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
        .create(target.join(path))
        .map_err(|error| conflict(path, error))
}

fn write_file(
    entry: &mut impl io::Read,
    size: u64,
    mode: u32,
    target: &Path,
    path: &Path,
) -> Result<()> {
    // No link is ever created, so a new file cannot land outside of the target.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode((mode & 0o777) | 0o600)
        .open(target)
        .map_err(|error| conflict(path, error))?;
    let written = io::copy(entry, &mut file).map_err(broken)?;
    if written != size {
        return Err(refused(format!(
            "{} is shorter than declared",
            path.display()
        )));
    }
    Ok(())
}

/// A name that is used as a file and as a folder is the archive's fault, the rest is ours.
fn conflict(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::InvalidFilename => {
            refused(format!("{} clashes with another entry", path.display())).with_source(error)
        }
        _ => Error::internal(format!("unpack {}", path.display()), error),
    }
}

fn refused(reason: String) -> Error {
    Error::new(
        ErrorKind::InvalidArchive,
        format!("the template archive is refused: {reason}"),
    )
}

fn broken(error: io::Error) -> Error {
    refused("it cannot be read".to_owned()).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// One raw entry; the tar crate's own writer refuses the bad ones.
    fn entry(path: &str, kind: EntryType, mode: u32, content: &[u8], link: &str) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        let linkname = &mut header.as_old_mut().linkname;
        linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    fn file(path: &str, content: &[u8]) -> Vec<u8> {
        entry(path, EntryType::Regular, 0o644, content, "")
    }

    fn unpack(entries: &[Vec<u8>]) -> (tempfile::TempDir, Result<()>) {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("inner");
        std::fs::create_dir(&target).unwrap();
        let mut archive = entries.concat();
        archive.extend([0; 1024]);
        let result = extract(&archive, &target);
        (folder, result)
    }

    fn assert_refused(name: &str, entries: &[Vec<u8>]) {
        let (folder, result) = unpack(entries);
        let error = result.expect_err(name);
        assert_eq!(
            error.kind(),
            ErrorKind::InvalidArchive,
            "{name}: {}",
            error.chain()
        );
        let outside: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(outside.len(), 1, "{name} wrote outside");
    }

    #[test]
    fn files_and_folders_are_unpacked_with_sane_modes() {
        let (folder, result) = unpack(&[
            entry("./", EntryType::Directory, 0o755, b"", ""),
            file("./main.tf", b"# main"),
            entry("run.sh", EntryType::Regular, 0o6755, b"#!/bin/sh", ""),
            entry("zero", EntryType::Regular, 0, b"", ""),
            entry("modules/", EntryType::Directory, 0, b"", ""),
            file("modules/a/b/c.tf", b"# deep"),
        ]);
        result.unwrap();
        let mode = |path: &str| {
            let path = folder.path().join("inner").join(path);
            std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
        };
        assert_eq!(mode("main.tf"), 0o644);
        assert_eq!(mode("run.sh"), 0o755);
        assert_eq!(mode("zero"), 0o600);
        assert_eq!(mode("modules"), 0o700);
        assert_eq!(mode("modules/a/b"), 0o700);
    }

    // Covers T36.
    #[test]
    fn hostile_entries_are_refused() {
        for path in ["../up.tf", "a/../../up.tf", "/abs.tf", "a/..", "new\nline"] {
            assert_refused(path, &[file(path, b"x")]);
        }
        for kind in [
            EntryType::Symlink,
            EntryType::Link,
            EntryType::Char,
            EntryType::Block,
            EntryType::Fifo,
            EntryType::GNUSparse,
            EntryType::Continuous,
            EntryType::new(b'?'),
        ] {
            assert_refused(
                &format!("{kind:?}"),
                &[entry("odd", kind, 0o644, b"", "/etc/passwd")],
            );
        }
        let link = entry("dir", EntryType::Symlink, 0o777, b"", "..");
        assert_refused("a link, then a file below it", &[link, file("dir/x", b"x")]);
        assert_refused("twice", &[file("a", b"1"), file("./a", b"2")]);
        assert_refused("file, then folder", &[file("a", b"1"), file("a/b", b"2")]);
        assert_refused("folder, then file", &[file("a/b", b"1"), file("a", b"2")]);
        assert_refused(
            "deep",
            &[file(&"d/".repeat(49), b"x"), file(&"d/".repeat(49), b"x")],
        );
    }

    #[test]
    fn sizes_and_counts_are_bounded() {
        let many: Vec<_> = (0..=MAX_ENTRIES)
            .map(|number| file(&number.to_string(), b""))
            .collect();
        assert_refused("many entries", &many);
        let mut short = file("short", b"");
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[0] = b's';
        header.set_entry_type(EntryType::Regular);
        header.set_size(1 << 40);
        header.set_cksum();
        short.splice(0..512, header.as_bytes().iter().copied());
        assert_refused("a terabyte declared", &[short]);
        let (_folder, result) = unpack(&[vec![7; 512]]);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidArchive);
    }
}

//! Looks whether an archive is what a daemon may unpack. Daemons look again: they trust nobody either.

use coder_core::Error;
use std::{
    collections::BTreeSet,
    io::Read,
    path::{Component, Path},
};
use tar::EntryType;

/// Entries of an archive at most.
pub(super) const MAX_ENTRIES: usize = 10_000;
/// The longest path of an entry, bytes.
const MAX_PATH: usize = 1024;

/// Checks every entry of a tar archive without unpacking anything.
///
/// # Errors
/// [`InvalidInput`](coder_core::ErrorKind::InvalidInput) that names the entry.
pub(super) fn check(tar: &[u8]) -> Result<(), Error> {
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().map_err(|_| no_archive())?;
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for entry in entries {
        let mut entry = entry.map_err(|_| no_archive())?;
        count += 1;
        if count > MAX_ENTRIES {
            return Err(Error::invalid(format!(
                "The archive has more than {MAX_ENTRIES} entries."
            )));
        }
        let path = entry.path_bytes().into_owned();
        let path = String::from_utf8(path).map_err(|_| refused("(not UTF-8)", "must be UTF-8"))?;
        check_kind(&path, entry.header().entry_type())?;
        let key = check_path(&path)?;
        let is_file = entry.header().entry_type().is_file();
        // Two files whose names differ in case only overwrite each other on some systems.
        if is_file && !seen.insert(key) {
            return Err(refused(&path, "is there twice"));
        }
        // Reading shows whether the declared size is there; nothing is kept.
        let read = std::io::copy(&mut entry.by_ref(), &mut std::io::sink());
        let read = read.map_err(|_| no_archive())?;
        if read != entry.size() {
            return Err(refused(&path, "is cut off"));
        }
    }
    if count == 0 {
        return Err(no_archive());
    }
    Ok(())
}

fn check_kind(path: &str, kind: EntryType) -> Result<(), Error> {
    match kind {
        EntryType::Regular
        | EntryType::Continuous
        | EntryType::Directory
        | EntryType::XGlobalHeader
        | EntryType::XHeader => Ok(()),
        EntryType::Symlink | EntryType::Link => Err(refused(path, "is a link")),
        _ => Err(refused(path, "is neither a file nor a directory")),
    }
}

/// Checks a path and answers it in a form in which two that clash are equal.
pub(super) fn check_path(path: &str) -> Result<String, Error> {
    if path.is_empty() || path.len() > MAX_PATH {
        return Err(refused(path, "has no path or a very long one"));
    }
    if path.chars().any(|c| c.is_control() || c == '\\') {
        return Err(refused(path, "holds control characters or backslashes"));
    }
    let mut parts = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_string_lossy().to_lowercase()),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(refused(path, "leads out of the archive"));
            }
        }
    }
    Ok(parts.join("/"))
}

pub(super) fn refused(path: &str, why: &str) -> Error {
    let shown: String = path.chars().take(200).collect();
    Error::invalid(format!(
        "The archive is refused: the entry {shown:?} {why}."
    ))
}

pub(super) fn no_archive() -> Error {
    Error::invalid("The body is not an archive or is cut off.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(builder: &mut tar::Builder<Vec<u8>>, path: &str, kind: EntryType, data: &[u8]) {
        let mut header = tar::Header::new_gnu();
        // `set_path` refuses what an attacker writes.
        let name = header.as_old_mut();
        name.name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").expect("link");
        }
        header.set_cksum();
        builder.append(&header, data).expect("append");
    }

    fn archive(entries: &[(&str, EntryType)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind) in entries {
            let data: &[u8] = if kind.is_file() { b"data" } else { b"" };
            entry(&mut builder, path, *kind, data);
        }
        builder.into_inner().expect("tar")
    }

    #[test]
    fn templates_pass() {
        let tar = archive(&[
            ("./", EntryType::Directory),
            ("main.tf", EntryType::Regular),
            ("./scripts/run.sh", EntryType::Regular),
        ]);
        check(&tar).expect("harmless");
    }

    #[test]
    fn attacks_are_refused() {
        for (path, kind) in [
            ("../main.tf", EntryType::Regular),
            ("a/../../b", EntryType::Regular),
            ("/etc/cron.d/x", EntryType::Regular),
            ("a\\..\\b", EntryType::Regular),
            ("a\nb", EntryType::Regular),
            ("link", EntryType::Symlink),
            ("link", EntryType::Link),
            ("tty", EntryType::Char),
            ("sda", EntryType::Block),
            ("pipe", EntryType::Fifo),
        ] {
            let error = check(&archive(&[(path, kind)])).expect_err(path);
            assert!(
                error.message().starts_with("The archive is refused"),
                "{error}"
            );
        }
        let twice = [
            ("main.tf", EntryType::Regular),
            ("./MAIN.tf", EntryType::Regular),
        ];
        assert!(check(&archive(&twice)).is_err());
    }

    #[test]
    fn garbage_is_no_archive() {
        let mut cut = archive(&[("main.tf", EntryType::Regular)]);
        cut.truncate(514);
        for bytes in [&b""[..], b"hello", &[0; 1024], &[0xff; 4096], &cut] {
            assert!(check(bytes).is_err());
        }
    }

    #[test]
    fn many_entries_are_refused() {
        let names: Vec<String> = (0..=MAX_ENTRIES).map(|n| format!("{n}")).collect();
        let entries: Vec<_> = names
            .iter()
            .map(|n| (n.as_str(), EntryType::Directory))
            .collect();
        assert!(check(&archive(&entries)).is_err());
    }
}

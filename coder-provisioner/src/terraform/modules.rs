//! What `terraform init` fetched for a template: its modules and the lock file. They are kept with the
//! version, so that a build never fetches modules again and takes the very same ones.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::archive::extract;
use super::cli_config::without_own_lock;
use super::workdir::create_private;
use crate::protocol::MAX_MODULE_FILES_BYTES;
use crate::{Error, ErrorKind, Result};

const LOCK_FILE: &str = ".terraform.lock.hcl";
/// Where Terraform keeps modules, and the file in it that says which they are.
const MODULES: &str = ".terraform/modules";
const MANIFEST: &str = "modules.json";
/// Deepest folder that is looked into, and most files of one module.
const MAX_DEPTH: usize = 48;
const MAX_FILES: usize = 10_000;
/// Largest lock file and manifest, in bytes.
const MAX_TEXT_BYTES: u64 = 1024 * 1024;
/// A tar archive is written in blocks.
const BLOCK: u64 = 512;

/// A file to keep: its path in the archive, and where it is.
type Found = BTreeMap<String, PathBuf>;

/// Packs what `terraform init` left in `template`; `None` when that is nothing. What is too large is left
/// out, the largest modules first; links and `.git` folders always are. The same files give the same
/// archive. Blocks.
///
/// # Errors
/// [`ErrorKind::Internal`] when files cannot be read.
pub(super) fn pack(template: &Path) -> Result<Option<Bytes>> {
    pack_within(template, MAX_MODULE_FILES_BYTES as u64)
        .map_err(|error| Error::internal("pack the modules", error))
}

/// Puts what [`pack`] made back into a template, in place of what it brings itself. Blocks.
///
/// # Errors
/// [`ErrorKind::InvalidArchive`] as [`extract`], and for anything but modules and a lock file.
pub(super) fn unpack(archive: &[u8], template: &Path) -> Result<()> {
    let failed = |error| Error::internal("put the modules in place", error);
    // Not in the template, whose own files could be in the way; beside it, so that a rename will do.
    let beside = tempfile_beside(template).map_err(failed)?;
    let result = extract(archive, &beside).and_then(|()| {
        check(&beside)?;
        put(&beside, template).map_err(failed)
    });
    let _ = fs::remove_dir_all(&beside);
    result
}

fn tempfile_beside(template: &Path) -> io::Result<PathBuf> {
    let beside = template.with_extension("modules");
    create_private(&beside)?;
    Ok(beside)
}

/// Only what `pack` writes may be there.
fn check(unpacked: &Path) -> Result<()> {
    let names = |path: &Path, allowed: &[&str]| -> Result<()> {
        let Ok(entries) = fs::read_dir(path) else {
            return Ok(());
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if !allowed.iter().any(|allowed| name == *allowed) {
                let text = format!("the archive of modules has {}", name.to_string_lossy());
                return Err(Error::new(ErrorKind::InvalidArchive, text));
            }
        }
        Ok(())
    };
    names(unpacked, &[LOCK_FILE, ".terraform"])?;
    names(&unpacked.join(".terraform"), &["modules"])
}

fn put(unpacked: &Path, template: &Path) -> io::Result<()> {
    let lock = unpacked.join(LOCK_FILE);
    if lock.is_file() {
        fs::rename(lock, template.join(LOCK_FILE))?;
    }
    let (from, to) = (unpacked.join(MODULES), template.join(MODULES));
    if from.is_dir() {
        match fs::remove_dir_all(&to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        create_private(&template.join(".terraform"))?;
        fs::rename(from, to)?;
    }
    Ok(())
}

fn pack_within(template: &Path, limit: u64) -> io::Result<Option<Bytes>> {
    let lock = read_text(&template.join(LOCK_FILE))?;
    let lock = lock.map(|lock| without_own_lock(&lock));
    // Without the manifest Terraform fetches all modules again, whatever else is there.
    let manifest = read_text(&template.join(MODULES).join(MANIFEST))?;
    let modules = match manifest {
        Some(_) => fitting(modules(template)?, limit),
        None => Vec::new(),
    };
    let manifest = manifest.filter(|_| !modules.is_empty());
    if lock.is_none() && manifest.is_none() {
        return Ok(None);
    }
    let mut archive = tar::Builder::new(Vec::new());
    let texts = [
        (LOCK_FILE.to_owned(), lock),
        (format!("{MODULES}/{MANIFEST}"), manifest),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            append(
                &mut archive,
                &name,
                text.as_bytes(),
                text.len() as u64,
                0o600,
            )?;
        }
    }
    for (name, path) in modules {
        let file = File::open(&path)?;
        let metadata = file.metadata()?;
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        append(&mut archive, &name, file, metadata.len(), mode & 0o777)?;
    }
    Ok(Some(archive.into_inner()?.into()))
}

/// One entry that is the same whoever packs it, and when.
fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    name: &str,
    content: impl io::Read,
    size: u64,
    mode: u32,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    archive.append_data(&mut header, name, content.take(size))
}

/// Each module's files, and how much room they take.
fn modules(template: &Path) -> io::Result<Vec<(u64, Found)>> {
    let mut modules = Vec::new();
    for entry in fs::read_dir(template.join(MODULES))? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        let (mut size, mut found) = (0, Found::new());
        if collect(
            &entry.path(),
            &format!("{MODULES}/{name}"),
            0,
            &mut size,
            &mut found,
        )? {
            modules.push((size, found));
        }
    }
    Ok(modules)
}

/// Collects the files of a folder. False when there are too many, too deep.
fn collect(
    folder: &Path,
    name: &str,
    depth: usize,
    size: &mut u64,
    found: &mut Found,
) -> io::Result<bool> {
    let mut entries: Vec<DirEntry> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        let file_name = entry.file_name();
        let Some(own) = file_name.to_str().filter(|own| *own != ".git") else {
            continue;
        };
        let name = format!("{name}/{own}");
        if kind.is_dir() {
            if depth >= MAX_DEPTH || !collect(&entry.path(), &name, depth + 1, size, found)? {
                return Ok(false);
            }
        } else if kind.is_file() {
            let length = entry.metadata()?.len();
            *size = size.saturating_add(length.next_multiple_of(BLOCK).saturating_add(2 * BLOCK));
            found.insert(name, entry.path());
        }
        if found.len() > MAX_FILES {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The files of the smallest modules that fit together, so that the largest are left out.
fn fitting(mut modules: Vec<(u64, Found)>, limit: u64) -> Vec<(String, PathBuf)> {
    // The two texts and the archive's end take room too.
    let mut room = limit.saturating_sub(2 * MAX_TEXT_BYTES + 16 * BLOCK);
    modules.sort_by(|(a, a_files), (b, b_files)| (a, a_files).cmp(&(b, b_files)));
    let mut kept = Found::new();
    for (size, files) in modules {
        if size > room {
            break;
        }
        room -= size;
        kept.extend(files);
    }
    kept.into_iter().collect()
}

/// A file as text; `None` when there is none, or when it is no such text.
fn read_text(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_TEXT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_TEXT_BYTES {
        return Ok(None);
    }
    Ok(String::from_utf8(bytes).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, content: &[u8]) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn template() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let template = folder.path().join("template");
        fs::create_dir(&template).unwrap();
        (folder, template)
    }

    fn initialized() -> (tempfile::TempDir, PathBuf) {
        let (folder, template) = template();
        let lock = "provider \"registry.terraform.io/coder/coder\" {\n  version = \"2.99.0\"\n}\n\
            provider \"registry.terraform.io/hashicorp/null\" {\n  version = \"3.2.3\"\n}\n";
        write(&template, LOCK_FILE, lock.as_bytes());
        write(&template, ".terraform/modules/modules.json", b"{}");
        write(&template, ".terraform/modules/small/main.tf", b"# small");
        write(&template, ".terraform/modules/small/.git/config", b"[core]");
        write(
            &template,
            ".terraform/modules/small/a/b/run.sh",
            b"#!/bin/sh",
        );
        write(&template, ".terraform/modules/large/blob", &[7; 100_000]);
        write(&template, ".terraform/providers/x/binary", b"ELF");
        std::os::unix::fs::symlink(
            "/etc/passwd",
            template.join(".terraform/modules/small/link"),
        )
        .unwrap();
        (folder, template)
    }

    #[test]
    fn modules_and_the_lock_file_come_back() {
        let (_one, from) = initialized();
        let archive = pack(&from).unwrap().unwrap();
        assert_eq!(pack(&from).unwrap().unwrap(), archive, "twice the same");
        let (_two, to) = template();
        write(&to, LOCK_FILE, b"# of the template");
        write(&to, ".terraform/modules/stale/main.tf", b"");
        unpack(&archive, &to).unwrap();
        let lock = fs::read_to_string(to.join(LOCK_FILE)).unwrap();
        assert!(
            lock.contains("3.2.3") && !lock.contains("coder/coder"),
            "{lock}"
        );
        let modules = to.join(".terraform/modules");
        assert_eq!(fs::read(modules.join("modules.json")).unwrap(), b"{}");
        assert_eq!(
            fs::read(modules.join("small/a/b/run.sh")).unwrap(),
            b"#!/bin/sh"
        );
        assert_eq!(fs::read(modules.join("large/blob")).unwrap().len(), 100_000);
        for absent in ["stale", "small/.git", "small/link"] {
            assert!(!modules.join(absent).exists(), "{absent}");
        }
        assert!(!to.join(".terraform/providers").exists());
        assert_eq!(fs::read_dir(to.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn the_largest_modules_are_left_out() {
        let (_one, from) = initialized();
        let limit = 2 * MAX_TEXT_BYTES + 16 * BLOCK + 50_000;
        let archive = pack_within(&from, limit).unwrap().unwrap();
        assert!((archive.len() as u64) < limit);
        let (_two, to) = template();
        unpack(&archive, &to).unwrap();
        assert!(to.join(".terraform/modules/small/main.tf").exists());
        assert!(!to.join(".terraform/modules/large").exists());
    }

    #[test]
    fn nothing_fetched_is_nothing_kept() {
        let (_folder, template) = template();
        assert!(pack(&template).unwrap().is_none());
        write(&template, ".terraform/providers/x/binary", b"ELF");
        assert!(pack(&template).unwrap().is_none());
    }

    #[test]
    fn other_files_are_refused() {
        for name in ["main.tf", ".terraform/providers/evil", "../up.tf"] {
            let mut archive = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            archive.append(&header, &b"x"[..]).unwrap();
            let (_folder, to) = template();
            let error = unpack(&archive.into_inner().unwrap(), &to).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArchive, "{name}");
            assert!(!to.join("main.tf").exists());
            assert_eq!(fs::read_dir(to.parent().unwrap()).unwrap().count(), 1);
        }
    }
}

//! Making and opening files. What is below the user's own folders, `%TEMP%` among them, is that user's and the
//! administrators' by itself.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::windows::fs::{
    FileExt as _, MetadataExt as _, OpenOptionsExt as _, symlink_dir, symlink_file,
};
use std::path::Path;

use crate::platform::Opening;

/// `FILE_FLAG_OPEN_REPARSE_POINT`: opens a link itself.
const OPEN_LINKS: u32 = 0x0020_0000;

/// `FILE_ATTRIBUTE_REPARSE_POINT`.
const IS_LINK: u32 = 0x0400;

/// Options that make files which only this user can read and write, below folders where that is so.
pub(crate) fn private_file() -> OpenOptions {
    OpenOptions::new()
}

/// Makes a folder. It must not be there yet.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().create(path)
}

/// Makes a folder and those above it that are missing.
pub(crate) fn make_private_folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}

/// Whether this is a folder, and no link to one.
pub(crate) fn is_own_folder(path: &Path) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    Ok(found.is_dir() && found.file_attributes() & IS_LINK == 0)
}

/// Whether this is a folder, and no link to one.
pub(crate) fn is_secret_folder(path: &Path) -> io::Result<bool> {
    is_own_folder(path)
}

/// Makes a file anew; a link that somebody else put there is not followed.
pub(crate) fn create_log(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(OPEN_LINKS);
    let file = match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path)?,
        opened => return opened,
    };
    if file.metadata()?.file_attributes() & IS_LINK != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    file.set_len(0)?;
    Ok(file)
}

/// Opens a file as a client wants it. New ones get what their folder gives.
pub(crate) fn open(path: &Path, opening: Opening, _permissions: Option<u32>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(opening.read || !opening.write)
        .append(opening.append)
        .write(opening.write && !opening.append);
    if opening.create && opening.exclusive {
        options.create_new(true);
    } else {
        options.create(opening.create).truncate(opening.truncate);
    }
    options.open(path)
}

/// Makes a folder as a client wants it.
pub(crate) fn make_folder(path: &Path, _permissions: Option<u32>) -> io::Result<()> {
    DirBuilder::new().create(path)
}

/// Reads from a place of its own.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

pub(crate) fn write_all_at(file: &File, mut data: &[u8], mut offset: u64) -> io::Result<()> {
    while !data.is_empty() {
        let written = match file.seek_write(data, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        data = data.get(written..).unwrap_or_default();
        offset = offset.saturating_add(written as u64);
    }
    Ok(())
}

/// Whether a file can be run.
pub(crate) fn is_executable(file: &Path) -> bool {
    file.is_file()
}

/// Gives a program one more name: links need a privilege here, copies and hard links do not.
pub(crate) fn link_program(program: &Path, link: &Path) -> io::Result<()> {
    fs::hard_link(program, link).or_else(|_| fs::copy(program, link).map(drop))
}

/// Makes a link, which has to say whether it leads to a folder.
pub(crate) fn symlink(target: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    let (target, link) = (target.as_ref(), link.as_ref());
    let base = link.parent().unwrap_or(link);
    if base.join(target).is_dir() {
        symlink_dir(target, link)
    } else {
        symlink_file(target, link)
    }
}

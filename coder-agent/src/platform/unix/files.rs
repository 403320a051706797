//! Making and opening files.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;

use rustix::fs::{Mode, OFlags, RawMode};

use crate::platform::Opening;

pub(crate) use std::os::unix::fs::symlink;

/// Options that make files which only this user can read and write.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Makes a folder that only this user can enter. It must not be there yet.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Makes a folder and those above it that are missing; only this user can enter those.
pub(crate) fn make_private_folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Whether a folder, and no link to one, is this user's, and nobody else can write to it.
pub(crate) fn is_own_folder(path: &Path) -> io::Result<bool> {
    is_folder_without(path, 0o022)
}

/// Whether a folder, and no link to one, is this user's, and nobody else can enter it.
pub(crate) fn is_secret_folder(path: &Path) -> io::Result<bool> {
    is_folder_without(path, 0o077)
}

fn is_folder_without(path: &Path, permissions: u32) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    Ok(found.is_dir() && ours && found.mode() & permissions == 0)
}

/// Makes a file anew that only this user can read. The folder may be a shared one like `/tmp`: a link that somebody
/// else put there is not followed, and a FIFO does not hold the agent up.
pub(crate) fn create_log(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    private_file()
        .write(true)
        .create(true)
        .truncate(true)
        .custom_flags(flags.cast_signed())
        .open(path)
}

/// Opens a file as a client wants it; a new one gets `permissions`.
pub(crate) fn open(path: &Path, opening: Opening, permissions: Option<u32>) -> io::Result<File> {
    let access = match (opening.read, opening.write) {
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
        (_, false) => OFlags::RDONLY,
    };
    // Without NONBLOCK a named pipe would keep the session, and a thread, until its other end is
    // opened. Files and directories do not mind.
    let mut options = access | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    for (flag, option) in [
        (opening.append, OFlags::APPEND),
        (opening.create, OFlags::CREATE),
        (opening.truncate, OFlags::TRUNC),
        (opening.exclusive, OFlags::EXCL),
    ] {
        options.set(option, flag);
    }
    let mode = mode(permissions.unwrap_or(0o666));
    Ok(File::from(rustix::fs::open(path, options, mode)?))
}

/// Makes a folder as a client wants it.
pub(crate) fn make_folder(path: &Path, permissions: Option<u32>) -> io::Result<()> {
    DirBuilder::new()
        .mode(permissions.unwrap_or(0o777) & 0o777)
        .create(path)
}

/// Reads without moving the file's own place; may be interrupted.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

pub(crate) fn write_all_at(file: &File, data: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(data, offset)
}

/// Whether a file can be run.
pub(crate) fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Gives a program one more name.
pub(crate) fn link_program(program: &Path, link: &Path) -> io::Result<()> {
    symlink(program, link)
}

/// Permissions as calls of the system take them.
pub(super) fn mode(permissions: u32) -> Mode {
    Mode::from_raw_mode((permissions & 0o7777) as RawMode)
}

//! What files are like, and changing it. There are no owners and permissions that SFTP could name; files that may be
//! changed are shown as `rw-r--r--`.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

const FOLDER: u32 = 0o040_755;
const LINK: u32 = 0o120_777;
const FILE: u32 = 0o100_644;
const READ_ONLY_FILE: u32 = 0o100_444;

/// The bits of a mode without which nobody may write.
const WRITE: u32 = 0o222;

/// `FILE_FLAG_BACKUP_SEMANTICS`, which opens folders too, and `FILE_FLAG_OPEN_REPARSE_POINT`, which opens links
/// themselves.
const OPEN_FOLDERS: u32 = 0x0200_0000;
const OPEN_LINKS: u32 = 0x0020_0000;

/// `FILE_WRITE_ATTRIBUTES`.
const WRITE_ATTRIBUTES: u32 = 0x0100;

/// From the beginning of 1601, when Windows' time begins, to that of 1970, in seconds; its unit is 100 ns.
const EPOCH: i64 = 11_644_473_600;
const TICKS: i64 = 10_000_000;

/// User and group.
pub(crate) const fn owner(_file: &Metadata) -> (u32, u32) {
    (0, 0)
}

/// Kind and permissions.
pub(crate) fn mode(file: &Metadata) -> u32 {
    if file.is_symlink() {
        LINK
    } else if file.is_dir() {
        FOLDER
    } else if file.permissions().readonly() {
        READ_ONLY_FILE
    } else {
        FILE
    }
}

/// Of the last access and of the last change, in seconds since 1970.
pub(crate) fn times(file: &Metadata) -> (i64, i64) {
    let seconds = |time: u64| i64::try_from(time).unwrap_or(i64::MAX) / TICKS - EPOCH;
    (
        seconds(file.last_access_time()),
        seconds(file.last_write_time()),
    )
}

/// How many names the file has; nobody tells without asking the file itself.
pub(crate) const fn links(_file: &Metadata) -> u64 {
    1
}

pub(crate) fn set_file_permissions(file: &File, permissions: u32) -> io::Result<()> {
    let mut changed = file.metadata()?.permissions();
    changed.set_readonly(permissions & WRITE == 0);
    file.set_permissions(changed)
}

/// Files belong to whom they belong; clients that copy owners along must not fail for that.
pub(crate) const fn set_file_owner(_file: &File, _owner: (u32, u32)) -> io::Result<()> {
    Ok(())
}

/// Of a link itself unless it is followed; so do the next two.
pub(crate) fn set_permissions(path: &Path, permissions: u32, follow: bool) -> io::Result<()> {
    set_file_permissions(&open(path, follow)?, permissions)
}

pub(crate) const fn set_owner(_path: &Path, _owner: (u32, u32), _follow: bool) -> io::Result<()> {
    Ok(())
}

/// Of the last access and of the last change, in seconds since 1970.
pub(crate) fn set_times(path: &Path, times: (u32, u32), follow: bool) -> io::Result<()> {
    let time = |seconds: u32| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into());
    let times = std::fs::FileTimes::new()
        .set_accessed(time(times.0))
        .set_modified(time(times.1));
    open(path, follow)?.set_times(times)
}

fn open(path: &Path, follow: bool) -> io::Result<File> {
    let links = if follow { 0 } else { OPEN_LINKS };
    OpenOptions::new()
        .access_mode(WRITE_ATTRIBUTES)
        .custom_flags(OPEN_FOLDERS | links)
        .open(path)
}

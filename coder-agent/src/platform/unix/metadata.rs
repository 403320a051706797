//! What files are like, and changing it.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, fchown, lchown};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, chmodat, utimensat};

/// User and group.
pub(crate) fn owner(file: &Metadata) -> (u32, u32) {
    (file.uid(), file.gid())
}

/// Kind and permissions.
pub(crate) fn mode(file: &Metadata) -> u32 {
    file.mode()
}

/// Of the last access and of the last change, in seconds since 1970.
pub(crate) fn times(file: &Metadata) -> (i64, i64) {
    (file.atime(), file.mtime())
}

/// How many names the file has.
pub(crate) fn links(file: &Metadata) -> u64 {
    file.nlink()
}

pub(crate) fn set_file_permissions(file: &File, permissions: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(permissions))
}

pub(crate) fn set_file_owner(file: &File, (user, group): (u32, u32)) -> io::Result<()> {
    fchown(file, Some(user), Some(group))
}

/// Of a link itself unless it is followed; so do the next two.
pub(crate) fn set_permissions(path: &Path, permissions: u32, follow: bool) -> io::Result<()> {
    if follow {
        return fs::set_permissions(path, Permissions::from_mode(permissions));
    }
    Ok(chmodat(
        CWD,
        path,
        super::files::mode(permissions),
        AtFlags::SYMLINK_NOFOLLOW,
    )?)
}

pub(crate) fn set_owner(path: &Path, (user, group): (u32, u32), follow: bool) -> io::Result<()> {
    let change = if follow { chown } else { lchown };
    change(path, Some(user), Some(group))
}

/// Of the last access and of the last change, in seconds since 1970.
pub(crate) fn set_times(path: &Path, times: (u32, u32), follow: bool) -> io::Result<()> {
    let time = |seconds: u32| Timespec {
        tv_sec: seconds.into(),
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time(times.0),
        last_modification: time(times.1),
    };
    let flags = if follow {
        AtFlags::empty()
    } else {
        AtFlags::SYMLINK_NOFOLLOW
    };
    Ok(utimensat(CWD, path, &times, flags)?)
}

//! File systems.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{StatVfs, StatVfsMountFlags, fstatvfs, statvfs};

use crate::platform::Volume;

/// The file system that holds `path`.
pub(crate) fn of(path: &Path) -> io::Result<Volume> {
    Ok(statvfs(path)?.into())
}

/// The file system that holds an open file.
pub(crate) fn of_file(file: &File) -> io::Result<Volume> {
    Ok(fstatvfs(file)?.into())
}

impl From<StatVfs> for Volume {
    fn from(found: StatVfs) -> Self {
        Self {
            block_size: found.f_bsize,
            fragment_size: found.f_frsize,
            blocks: found.f_blocks,
            free_blocks: found.f_bfree,
            available_blocks: found.f_bavail,
            files: found.f_files,
            free_files: found.f_ffree,
            available_files: found.f_favail,
            id: found.f_fsid,
            read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY),
            no_set_user: found.f_flag.contains(StatVfsMountFlags::NOSUID),
            longest_name: found.f_namemax,
        }
    }
}

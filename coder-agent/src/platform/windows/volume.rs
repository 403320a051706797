//! File systems.

use std::fs::File;
use std::io;
use std::path::{Component, Path};

use sysinfo::{DiskRefreshKind, Disks};

use crate::platform::Volume;

/// What the numbers of blocks count here, in bytes.
const BLOCK_BYTES: u64 = 4_096;

/// NTFS's bound.
const LONGEST_NAME: u64 = 255;

/// The drive that holds `path`.
pub(crate) fn of(path: &Path) -> io::Result<Volume> {
    let path = std::path::absolute(path)?;
    std::fs::metadata(&path)?;
    let drive = path.components().next();
    let kind = DiskRefreshKind::nothing().with_storage();
    let disks = Disks::new_with_refreshed_list_specifics(kind).map_err(io::Error::other)?;
    let disk = disks
        .iter()
        .find(|disk| same_drive(disk.mount_point().components().next(), drive));
    let disk = disk.ok_or(io::ErrorKind::Unsupported)?;
    let blocks = |bytes: u64| bytes / BLOCK_BYTES;
    let available = blocks(disk.available_space());
    Ok(Volume {
        block_size: BLOCK_BYTES,
        fragment_size: BLOCK_BYTES,
        blocks: blocks(disk.total_space()),
        free_blocks: available,
        available_blocks: available,
        files: 0,
        free_files: 0,
        available_files: 0,
        id: 0,
        read_only: false,
        no_set_user: true,
        longest_name: LONGEST_NAME,
    })
}

/// An open file does not tell on which drive it is.
pub(crate) fn of_file(_file: &File) -> io::Result<Volume> {
    Err(io::ErrorKind::Unsupported.into())
}

fn same_drive(one: Option<Component<'_>>, other: Option<Component<'_>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.as_os_str().eq_ignore_ascii_case(other.as_os_str()),
        _ => false,
    }
}

//! Requests that concern open files.

use std::fs::{File, FileTimes};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::attributes::Attributes;
use super::handles::Opened;
use super::limits::MAX_DATA;
use super::status::{Failure, Status};
use crate::platform::{Opening, files, metadata};

const READ: u32 = 0x1;
const WRITE: u32 = 0x2;
const APPEND: u32 = 0x4;
const CREATE: u32 = 0x8;
const TRUNCATE: u32 = 0x10;
const EXCLUSIVE: u32 = 0x20;

/// Opens a file with the flags of SFTP.
pub(super) fn open(path: &Path, flags: u32, attributes: Attributes) -> Result<Opened, Failure> {
    let wants = |flag: u32| flags & flag != 0;
    let opening = Opening {
        read: wants(READ),
        write: wants(WRITE),
        append: wants(APPEND),
        create: wants(CREATE),
        truncate: wants(TRUNCATE),
        exclusive: wants(EXCLUSIVE),
    };
    let file = files::open(path, opening, attributes.permissions)?;
    Ok(Opened::File {
        file,
        append: opening.append,
    })
}

/// Appends what the file has at `offset`.
pub(super) fn read(
    file: &File,
    offset: u64,
    length: u32,
    buffer: &mut Vec<u8>,
) -> Result<(), Failure> {
    let start = buffer.len();
    let length = usize::try_from(length).unwrap_or(MAX_DATA).min(MAX_DATA);
    buffer.resize(start + length, 0);
    let read = read_at(file, buffer.get_mut(start..).unwrap_or_default(), offset)?;
    buffer.truncate(start + read);
    if read == 0 && length > 0 {
        return Err(Status::Eof.into());
    }
    Ok(())
}

/// As much as there is, which may be less than was asked for.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match files::read_at(file, buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

pub(super) fn write(mut file: &File, append: bool, offset: u64, data: &[u8]) -> io::Result<()> {
    if append {
        file.write_all(data)
    } else {
        files::write_all_at(file, data, offset)
    }
}

/// Changes an open file; tries everything and tells the last failure, as OpenSSH's server does.
pub(super) fn set_attributes(file: &File, attributes: Attributes) -> Result<(), Failure> {
    let mut outcome = Ok(());
    let mut note = |result: io::Result<()>| {
        if let Err(error) = result {
            outcome = Err(error.into());
        }
    };
    if let Some(size) = attributes.size {
        note(file.set_len(size));
    }
    if let Some(permissions) = attributes.permissions {
        note(metadata::set_file_permissions(file, permissions));
    }
    if let Some((accessed, modified)) = attributes.times {
        let times = FileTimes::new()
            .set_accessed(time(accessed))
            .set_modified(time(modified));
        note(file.set_times(times));
    }
    if let Some(owner) = attributes.owner {
        note(metadata::set_file_owner(file, owner));
    }
    outcome
}

fn time(seconds: u32) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into())
}

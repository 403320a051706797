//! Requests that concern open files.

use std::fs::{File, FileTimes, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, fchown};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags};

use super::attributes::Attributes;
use super::handles::Opened;
use super::limits::MAX_DATA;
use super::status::{Failure, Status};

const READ: u32 = 0x1;
const WRITE: u32 = 0x2;
const APPEND: u32 = 0x4;
const CREATE: u32 = 0x8;
const TRUNCATE: u32 = 0x10;
const EXCLUSIVE: u32 = 0x20;

/// Opens a file with the flags of SFTP.
pub(super) fn open(path: &Path, flags: u32, attributes: Attributes) -> Result<Opened, Failure> {
    let access = match (flags & READ != 0, flags & WRITE != 0) {
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
        (_, false) => OFlags::RDONLY,
    };
    // Without NONBLOCK a named pipe would keep the session, and a thread, until its other end is
    // opened. Files and directories do not mind.
    let mut options = access | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    for (flag, option) in [
        (APPEND, OFlags::APPEND),
        (CREATE, OFlags::CREATE),
        (TRUNCATE, OFlags::TRUNC),
        (EXCLUSIVE, OFlags::EXCL),
    ] {
        options.set(option, flags & flag != 0);
    }
    let mode = Mode::from_bits_truncate(attributes.permissions.unwrap_or(0o666));
    let file = File::from(rustix::fs::open(path, options, mode)?);
    Ok(Opened::File {
        file,
        append: flags & APPEND != 0,
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
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

pub(super) fn write(mut file: &File, append: bool, offset: u64, data: &[u8]) -> io::Result<()> {
    if append {
        file.write_all(data)
    } else {
        file.write_all_at(data, offset)
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
        note(file.set_permissions(Permissions::from_mode(permissions)));
    }
    if let Some((accessed, modified)) = attributes.times {
        let times = FileTimes::new()
            .set_accessed(time(accessed))
            .set_modified(time(modified));
        note(file.set_times(times));
    }
    if let Some((user, group)) = attributes.owner {
        note(fchown(file, Some(user), Some(group)));
    }
    outcome
}

fn time(seconds: u32) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into())
}

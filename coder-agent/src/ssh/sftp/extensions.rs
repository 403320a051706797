//! What OpenSSH has added to SFTP 3.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::attributes::Attributes;
use super::files::read_at;
use super::handles::Handles;
use super::limits::{COPY_CHUNK, MAX_DATA, MAX_HANDLES, MAX_PACKET};
use super::paths::{Links, real_path, set_attributes};
use super::reply::Reply;
use super::server::Server;
use super::status::{Failure, Status};
use super::wire::{Fields, Packets};
use crate::platform::files::write_all_at;
use crate::platform::text::path_from_sftp;
use crate::platform::{Volume, volume};
use crate::ssh::accounts;

/// Names and versions, as the answer to the first packet tells them.
pub(super) const OFFERED: &[(&str, &str)] = &[
    ("posix-rename@openssh.com", "1"),
    ("statvfs@openssh.com", "2"),
    ("fstatvfs@openssh.com", "2"),
    ("hardlink@openssh.com", "1"),
    ("fsync@openssh.com", "1"),
    ("lsetstat@openssh.com", "1"),
    ("limits@openssh.com", "1"),
    ("expand-path@openssh.com", "1"),
    ("copy-data", "1"),
    ("home-directory", "1"),
];

const READ_ONLY: u64 = 0x1;
const NO_SET_USER: u64 = 0x2;

/// Answers an extended request.
pub(super) fn answer(
    server: &mut Server,
    fields: &mut Fields<'_>,
    reply: Reply<'_>,
) -> Result<(), Failure> {
    match fields.string()? {
        b"posix-rename@openssh.com" => {
            let (from, to) = (server.path(fields)?, server.path(fields)?);
            fs::rename(from, to)?;
            reply.done()
        }
        b"hardlink@openssh.com" => {
            let (from, to) = (server.path(fields)?, server.path(fields)?);
            fs::hard_link(from, to)?;
            reply.done()
        }
        b"statvfs@openssh.com" => {
            let found = volume::of(&server.path(fields)?)?;
            reply.extended(|packet| write_file_system(packet, &found))
        }
        b"fstatvfs@openssh.com" => {
            let (file, _) = server.handles.file(fields.string()?)?;
            let found = volume::of_file(file)?;
            reply.extended(|packet| write_file_system(packet, &found))
        }
        b"fsync@openssh.com" => {
            let (file, _) = server.handles.file(fields.string()?)?;
            file.sync_all()?;
            reply.done()
        }
        b"lsetstat@openssh.com" => {
            let path = server.path(fields)?;
            set_attributes(&path, Attributes::read(fields)?, Links::Keep)?;
            reply.done()
        }
        b"limits@openssh.com" => reply.extended(|packet| {
            for limit in [MAX_PACKET, MAX_DATA, MAX_DATA, MAX_HANDLES] {
                packet.long(u64::try_from(limit).unwrap_or(u64::MAX));
            }
        }),
        b"expand-path@openssh.com" => {
            let path = expand(&server.home, fields.string()?)?;
            reply.path(&real_path(&server.home.join(path))?)
        }
        b"home-directory" => {
            let name = fields.string()?;
            let home = home_of(&server.home, name)?;
            reply.path(&home)
        }
        b"copy-data" => {
            copy_data(&server.handles, &server.ended, fields)?;
            reply.done()
        }
        _ => Err(Status::Unsupported.into()),
    }
}

fn write_file_system(packet: &mut Packets, found: &Volume) {
    for number in [
        found.block_size,
        found.fragment_size,
        found.blocks,
        found.free_blocks,
        found.available_blocks,
        found.files,
        found.free_files,
        found.available_files,
        found.id,
    ] {
        packet.long(number);
    }
    let mut flags = 0;
    for (set, bit) in [
        (found.read_only, READ_ONLY),
        (found.no_set_user, NO_SET_USER),
    ] {
        if set {
            flags |= bit;
        }
    }
    packet.long(flags);
    packet.long(found.longest_name);
}

/// `~` and `~name` at the beginning of a path.
fn expand(home: &Path, path: &[u8]) -> Result<PathBuf, Failure> {
    let Some(rest) = path.strip_prefix(b"~") else {
        return Ok(path_from_sftp(path));
    };
    let end = rest
        .iter()
        .position(|byte| *byte == b'/')
        .unwrap_or(rest.len());
    let (name, below) = rest.split_at(end);
    let below = below.strip_prefix(b"/").unwrap_or_default();
    Ok(home_of(home, name)?.join(path_from_sftp(below)))
}

/// The home of a user; of ours for no name.
fn home_of(home: &Path, name: &[u8]) -> Result<PathBuf, Failure> {
    if name.is_empty() {
        return Ok(home.to_owned());
    }
    std::str::from_utf8(name)
        .ok()
        .and_then(accounts::home_of)
        .ok_or_else(|| Failure {
            status: Status::NoSuchFile,
            message: "No such user".to_owned(),
        })
}

/// Copies from one open file to another; all of it for a length of 0.
fn copy_data(
    handles: &Handles,
    ended: &CancellationToken,
    fields: &mut Fields<'_>,
) -> Result<(), Failure> {
    let (source, mut from) = (fields.string()?, fields.long()?);
    let length = match fields.long()? {
        0 => u64::MAX,
        length => length,
    };
    let (target, mut to) = (fields.string()?, fields.long()?);
    let ((source_file, _), (target_file, _)) = (handles.file(source)?, handles.file(target)?);
    if source == target {
        // Overlapping ranges would copy what was copied.
        return Err(Status::Failure.into());
    }
    let mut buffer = vec![0; COPY_CHUNK];
    let mut left = length;
    // A copy may take long; it ends with its session.
    while left > 0 && !ended.is_cancelled() {
        let wanted = usize::try_from(left).unwrap_or(COPY_CHUNK).min(COPY_CHUNK);
        let copied = copy_chunk(source_file, from, target_file, to, buffer.get_mut(..wanted))?;
        if copied == 0 {
            break;
        }
        from = from.saturating_add(copied);
        to = to.saturating_add(copied);
        left = left.saturating_sub(copied);
    }
    Ok(())
}

fn copy_chunk(
    source: &File,
    from: u64,
    target: &File,
    to: u64,
    buffer: Option<&mut [u8]>,
) -> io::Result<u64> {
    let buffer = buffer.unwrap_or_default();
    let read = read_at(source, buffer, from)?;
    write_all_at(target, buffer.get(..read).unwrap_or_default(), to)?;
    Ok(u64::try_from(read).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes() {
        let home = Path::new("/home/alice");
        for (path, expected) in [
            (&b"~"[..], "/home/alice/"),
            (b"~/x", "/home/alice/x"),
            (b"~root/x", "/root/x"),
            (b"x~", "x~"),
            (b"", ""),
            (b"~//etc", "/etc"),
        ] {
            assert_eq!(expand(home, path).unwrap(), Path::new(expected));
        }
        assert_eq!(
            expand(home, b"~nobody-of-that-name/x").unwrap_err().status,
            Status::NoSuchFile
        );
    }
}

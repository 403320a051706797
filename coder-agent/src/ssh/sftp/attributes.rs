//! Attributes of files as SFTP 3 has them.

use std::fs::Metadata;

use super::wire::{Fields, Malformed, Packets};
use crate::platform::metadata;

const SIZE: u32 = 0x1;
const OWNER: u32 = 0x2;
const PERMISSIONS: u32 = 0x4;
const TIMES: u32 = 0x8;
const EXTENDED: u32 = 0x8000_0000;

/// More extended attributes than this are not read; none has a meaning here.
const MAX_EXTENDED: u32 = 64;

/// What a client wants a file to be like; what is not given stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) size: Option<u64>,
    /// User and group.
    pub(super) owner: Option<(u32, u32)>,
    pub(super) permissions: Option<u32>,
    /// Of the last access and of the last change, in seconds since 1970.
    pub(super) times: Option<(u32, u32)>,
}

impl Attributes {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let flags = fields.number()?;
        let mut attributes = Self::default();
        if flags & SIZE != 0 {
            attributes.size = Some(fields.long()?);
        }
        if flags & OWNER != 0 {
            attributes.owner = Some((fields.number()?, fields.number()?));
        }
        if flags & PERMISSIONS != 0 {
            attributes.permissions = Some(fields.number()? & 0o7777);
        }
        if flags & TIMES != 0 {
            attributes.times = Some((fields.number()?, fields.number()?));
        }
        if flags & EXTENDED != 0 {
            let count = fields.number()?;
            if count > MAX_EXTENDED {
                return Err(Malformed);
            }
            for _ in 0..count {
                fields.string()?;
                fields.string()?;
            }
        }
        Ok(attributes)
    }
}

/// Writes what a file is like.
pub(super) fn write(packet: &mut Packets, file: &Metadata) {
    packet.number(SIZE | OWNER | PERMISSIONS | TIMES);
    packet.long(file.len());
    let (user, group) = metadata::owner(file);
    packet.number(user);
    packet.number(group);
    packet.number(metadata::mode(file));
    let (accessed, modified) = metadata::times(file);
    packet.number(seconds(accessed));
    packet.number(seconds(modified));
}

/// No attributes at all.
pub(super) fn write_none(packet: &mut Packets) {
    packet.number(0);
}

/// SFTP 3 ends in 2106 and begins in 1970.
fn seconds(time: i64) -> u32 {
    u32::try_from(time.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_flagged_is_read() {
        let mut packets = Packets::default();
        packets.number(SIZE | TIMES | EXTENDED);
        packets.long(5_000_000_000);
        packets.number(1);
        packets.number(2);
        packets.number(1);
        packets.string(b"x@example.com");
        packets.string(b"ignored");
        packets.byte(9);
        let mut fields = Fields::new(&packets.0);
        let expected = Attributes {
            size: Some(5_000_000_000),
            times: Some((1, 2)),
            ..Attributes::default()
        };
        assert_eq!(Attributes::read(&mut fields), Ok(expected));
        assert_eq!(fields.byte(), Ok(9));
    }

    #[test]
    fn the_kind_of_a_file_cannot_be_set() {
        let mut packets = Packets::default();
        packets.number(PERMISSIONS);
        packets.number(0o100_4755);
        let read = Attributes::read(&mut Fields::new(&packets.0)).unwrap();
        assert_eq!(read.permissions, Some(0o4755));
    }

    #[test]
    fn endless_extensions_are_malformed() {
        let mut packets = Packets::default();
        packets.number(EXTENDED);
        packets.number(u32::MAX);
        assert_eq!(
            Attributes::read(&mut Fields::new(&packets.0)),
            Err(Malformed)
        );
    }
}

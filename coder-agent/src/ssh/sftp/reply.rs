use std::fs::Metadata;
use std::path::Path;

use super::attributes;
use super::status::{Failure, Status};
use super::wire::Packets;
use crate::platform::text::path_to_sftp;

const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRIBUTES: u8 = 105;
const EXTENDED_REPLY: u8 = 201;

/// The answer to one request, still to be given.
pub(super) struct Reply<'a> {
    packets: &'a mut Packets,
    id: u32,
}

/// One entry of a listing.
pub(super) struct Name<'a> {
    pub(super) name: &'a [u8],
    /// As `ls -l` shows it.
    pub(super) long_name: &'a [u8],
    pub(super) metadata: Option<&'a Metadata>,
}

impl<'a> Reply<'a> {
    pub(super) const fn new(packets: &'a mut Packets, id: u32) -> Self {
        Self { packets, id }
    }

    pub(super) fn done(self) -> Result<(), Failure> {
        self.failure(&Status::Ok.into());
        Ok(())
    }

    pub(super) fn failure(self, failure: &Failure) {
        self.packet(STATUS, |packet| {
            packet.number(failure.status.code());
            packet.string(failure.message.as_bytes());
            // The language; nobody has ever shown it.
            packet.string(b"");
        });
    }

    pub(super) fn handle(self, handle: u32) -> Result<(), Failure> {
        self.packet(HANDLE, |packet| packet.string(&handle.to_be_bytes()));
        Ok(())
    }

    /// Sends the bytes that `fill` appends.
    pub(super) fn data(
        self,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.packet(DATA, |packet| packet.string_with(fill))
    }

    pub(super) fn attributes(self, metadata: &Metadata) -> Result<(), Failure> {
        self.packet(ATTRIBUTES, |packet| attributes::write(packet, metadata));
        Ok(())
    }

    /// Sends one path.
    pub(super) fn path(self, path: &Path) -> Result<(), Failure> {
        let name = &*path_to_sftp(path);
        self.names(|names| {
            names.add(&Name {
                name,
                long_name: name,
                metadata: None,
            });
            Ok(())
        })
    }

    /// Sends the entries that `fill` adds.
    pub(super) fn names(
        self,
        fill: impl FnOnce(&mut Names<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.packet(NAME, |packet| {
            let start = packet.0.len();
            packet.number(0);
            let mut names = Names {
                packet,
                start,
                count: 0,
            };
            fill(&mut names)?;
            let count = names.count;
            packet.set_number(start, count);
            Ok(())
        })
    }

    pub(super) fn extended(self, fill: impl FnOnce(&mut Packets)) -> Result<(), Failure> {
        self.packet(EXTENDED_REPLY, fill);
        Ok(())
    }

    fn packet<T>(self, kind: u8, fill: impl FnOnce(&mut Packets) -> T) -> T {
        let id = self.id;
        self.packets.packet(|packet| {
            packet.byte(kind);
            packet.number(id);
            fill(packet)
        })
    }
}

/// The entries of an answer.
pub(super) struct Names<'a> {
    packet: &'a mut Packets,
    start: usize,
    count: u32,
}

impl Names<'_> {
    pub(super) fn add(&mut self, entry: &Name<'_>) {
        self.packet.string(entry.name);
        self.packet.string(entry.long_name);
        match entry.metadata {
            Some(metadata) => attributes::write(self.packet, metadata),
            None => attributes::write_none(self.packet),
        }
        self.count += 1;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes so far.
    pub(super) fn size(&self) -> usize {
        self.packet.0.len() - self.start
    }
}

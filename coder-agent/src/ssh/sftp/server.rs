use std::fs;
use std::path::PathBuf;

use coder_core::clock::{Clock as _, SystemClock};
use tokio_util::sync::CancellationToken;

use super::attributes::Attributes;
use super::directories::Listing;
use super::handles::{Handles, Opened};
use super::paths::{self, Links};
use super::reply::Reply;
use super::status::{Failure, Status};
use super::wire::{Fields, Malformed, Packets};
use super::{extensions, files};
use crate::platform::files::symlink;
use crate::platform::text::path_from_sftp;
use crate::ssh::accounts::Accounts;

/// The kinds of requests (SFTP 3 section 3).
mod kind {
    pub(super) const INIT: u8 = 1;
    pub(super) const VERSION: u8 = 2;
    pub(super) const OPEN: u8 = 3;
    pub(super) const CLOSE: u8 = 4;
    pub(super) const READ: u8 = 5;
    pub(super) const WRITE: u8 = 6;
    pub(super) const LSTAT: u8 = 7;
    pub(super) const FSTAT: u8 = 8;
    pub(super) const SETSTAT: u8 = 9;
    pub(super) const FSETSTAT: u8 = 10;
    pub(super) const OPENDIR: u8 = 11;
    pub(super) const READDIR: u8 = 12;
    pub(super) const REMOVE: u8 = 13;
    pub(super) const MKDIR: u8 = 14;
    pub(super) const RMDIR: u8 = 15;
    pub(super) const REALPATH: u8 = 16;
    pub(super) const STAT: u8 = 17;
    pub(super) const RENAME: u8 = 18;
    pub(super) const READLINK: u8 = 19;
    pub(super) const SYMLINK: u8 = 20;
    pub(super) const EXTENDED: u8 = 200;
}

/// The version of the protocol that OpenSSH has stayed with.
const SFTP_VERSION: u32 = 3;

/// An SFTP session: takes packets and gives answers, waiting for the file system only.
pub(super) struct Server {
    /// Where relative paths begin.
    pub(super) home: PathBuf,
    pub(super) handles: Handles,
    /// Cancelled when nobody waits for an answer any more.
    pub(super) ended: CancellationToken,
    accounts: Option<Accounts>,
    greeted: bool,
}

impl Server {
    pub(super) fn new(home: PathBuf, ended: CancellationToken) -> Self {
        Self {
            home,
            handles: Handles::default(),
            ended,
            accounts: None,
            greeted: false,
        }
    }

    /// Answers one packet. A request that makes no sense is answered as well; a packet that is no
    /// request, or comes at a wrong time, is malformed, and the session is over.
    pub(super) fn answer(&mut self, packet: &[u8], answers: &mut Packets) -> Result<(), Malformed> {
        let mut fields = Fields::new(packet);
        let kind = fields.byte()?;
        if !self.greeted {
            if kind != kind::INIT {
                return Err(Malformed);
            }
            // Whatever version the client knows, it knows this one.
            fields.number()?;
            self.greeted = true;
            greet(answers);
            return Ok(());
        }
        let id = fields.number()?;
        let start = answers.0.len();
        let outcome = self.request(kind, &mut fields, Reply::new(answers, id));
        if let Err(failure) = outcome {
            // A part of an answer may have been written already.
            answers.0.truncate(start);
            Reply::new(answers, id).failure(&failure);
        }
        Ok(())
    }

    fn request(
        &mut self,
        kind: u8,
        fields: &mut Fields<'_>,
        reply: Reply<'_>,
    ) -> Result<(), Failure> {
        match kind {
            kind::OPEN => self.open(fields, reply),
            kind::CLOSE => {
                self.handles.close(fields.string()?)?;
                reply.done()
            }
            kind::READ => {
                let (file, _) = self.handles.file(fields.string()?)?;
                let (offset, length) = (fields.long()?, fields.number()?);
                reply.data(|buffer| files::read(file, offset, length, buffer))
            }
            kind::WRITE => {
                let (file, append) = self.handles.file(fields.string()?)?;
                files::write(file, append, fields.long()?, fields.string()?)?;
                reply.done()
            }
            kind::LSTAT => reply.attributes(&fs::symlink_metadata(self.path(fields)?)?),
            kind::FSTAT => {
                let (file, _) = self.handles.file(fields.string()?)?;
                reply.attributes(&file.metadata()?)
            }
            kind::SETSTAT => {
                let path = self.path(fields)?;
                paths::set_attributes(&path, Attributes::read(fields)?, Links::Follow)?;
                reply.done()
            }
            kind::FSETSTAT => {
                let (file, _) = self.handles.file(fields.string()?)?;
                files::set_attributes(file, Attributes::read(fields)?)?;
                reply.done()
            }
            kind::OPENDIR => self.open_directory(fields, reply),
            kind::READDIR => self.read_directory(fields, reply),
            kind::STAT => reply.attributes(&fs::metadata(self.path(fields)?)?),
            kind::EXTENDED => extensions::answer(self, fields, reply),
            _ => self.change_paths(kind, fields, reply),
        }
    }

    fn change_paths(
        &mut self,
        kind: u8,
        fields: &mut Fields<'_>,
        reply: Reply<'_>,
    ) -> Result<(), Failure> {
        match kind {
            kind::REMOVE => paths::remove(&self.path(fields)?)?,
            kind::MKDIR => {
                let path = self.path(fields)?;
                paths::make_directory(&path, Attributes::read(fields)?)?;
            }
            kind::RMDIR => fs::remove_dir(self.path(fields)?)?,
            kind::REALPATH => {
                // The empty path means where relative ones begin.
                let path = self.home.join(path_from_sftp(fields.string()?));
                return reply.path(&paths::real_path(&path)?);
            }
            kind::RENAME => paths::rename(&self.path(fields)?, &self.path(fields)?)?,
            kind::READLINK => return reply.path(&fs::read_link(self.path(fields)?)?),
            kind::SYMLINK => {
                // OpenSSH sends the two the other way round than the draft has them, and so does
                // everybody. What a link says is not resolved.
                let target = path_from_sftp(fields.string()?);
                symlink(target, self.path(fields)?)?;
            }
            _ => return Err(Status::Unsupported.into()),
        }
        reply.done()
    }

    fn open(&mut self, fields: &mut Fields<'_>, reply: Reply<'_>) -> Result<(), Failure> {
        let (path, flags) = (self.path(fields)?, fields.number()?);
        self.handles.check_room()?;
        let opened = files::open(&path, flags, Attributes::read(fields)?)?;
        reply.handle(self.handles.add(opened)?)
    }

    fn open_directory(&mut self, fields: &mut Fields<'_>, reply: Reply<'_>) -> Result<(), Failure> {
        let listing = Listing::open(self.path(fields)?)?;
        reply.handle(self.handles.add(Opened::Directory(listing))?)
    }

    fn read_directory(&mut self, fields: &mut Fields<'_>, reply: Reply<'_>) -> Result<(), Failure> {
        let listing = self.handles.directory(fields.string()?)?;
        let accounts = self.accounts.get_or_insert_with(Accounts::load);
        let now = SystemClock.now().timestamp();
        reply.names(|names| listing.next(names, accounts, now))
    }

    /// The next path of a request. An empty one leads nowhere, as in the system's calls.
    pub(super) fn path(&self, fields: &mut Fields<'_>) -> Result<PathBuf, Failure> {
        let path = fields.string()?;
        if path.is_empty() {
            return Err(Status::NoSuchFile.into());
        }
        Ok(self.home.join(path_from_sftp(path)))
    }
}

fn greet(answers: &mut Packets) {
    answers.packet(|packet| {
        packet.byte(kind::VERSION);
        packet.number(SFTP_VERSION);
        for (name, version) in extensions::OFFERED {
            packet.string(name.as_bytes());
            packet.string(version.as_bytes());
        }
    });
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Status::BadMessage.into()
    }
}

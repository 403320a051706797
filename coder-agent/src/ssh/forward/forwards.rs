use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

use super::listener::serve;
use super::{Listener, Opener, Origin, tcp};
use crate::platform::sockets;
use crate::ssh::limits::MAX_LISTENERS;
use crate::ssh::private_folder::PrivateFolder;

/// What a connection's client has asked to have forwarded to it.
pub(in crate::ssh) struct Forwards {
    tasks: TaskTracker,
    listeners: BTreeMap<Name, DropGuard>,
    agent: Option<(PathBuf, DropGuard)>,
}

/// How the client names a listener, and will when it wants it to end.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Tcp(String, u32),
    Unix(String),
}

impl Forwards {
    pub(in crate::ssh) const fn new(tasks: TaskTracker) -> Self {
        Self {
            tasks,
            listeners: BTreeMap::new(),
            agent: None,
        }
    }

    /// Forwards a port, or a free one for port 0, and says which.
    pub(in crate::ssh) fn listen_tcp(
        &mut self,
        address: &str,
        port: u32,
        opener: Opener,
    ) -> io::Result<u16> {
        self.check_room()?;
        let wanted = u16::try_from(port).map_err(|_too_large| io::ErrorKind::InvalidInput)?;
        let (listeners, port) = tcp::listen(address, wanted)?;
        let origin = Origin::Tcp {
            address: address.to_owned(),
            port,
        };
        let name = Name::Tcp(address.to_owned(), u32::from(port));
        let guard = self.serve(Listener::Tcp(listeners), origin, opener);
        self.listeners.insert(name, guard);
        Ok(port)
    }

    /// Ends the forwarding of a port; says whether there was one.
    pub(in crate::ssh) fn cancel_tcp(&mut self, address: &str, port: u32) -> bool {
        let name = Name::Tcp(address.to_owned(), port);
        self.listeners.remove(&name).is_some()
    }

    /// Forwards a Unix socket; a relative path begins at `home`.
    pub(in crate::ssh) fn listen_unix(
        &mut self,
        path: &str,
        home: &Path,
        opener: Opener,
    ) -> io::Result<()> {
        self.check_room()?;
        if path.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let (listener, file) = sockets::listen(&home.join(path))?;
        let origin = Origin::Unix {
            path: path.to_owned(),
        };
        let listener = Listener::Unix {
            listener,
            _file: file,
            _folder: None,
        };
        let guard = self.serve(listener, origin, opener);
        self.listeners.insert(Name::Unix(path.to_owned()), guard);
        Ok(())
    }

    /// Ends the forwarding of a Unix socket; says whether there was one.
    pub(in crate::ssh) fn cancel_unix(&mut self, path: &str) -> bool {
        self.listeners
            .remove(&Name::Unix(path.to_owned()))
            .is_some()
    }

    /// Gives programs a socket to the client's agent, below the first of `folders` that allows it.
    /// There is one for all sessions of a connection.
    pub(in crate::ssh) fn listen_agent(
        &mut self,
        folders: &[PathBuf],
        opener: Opener,
    ) -> io::Result<()> {
        if self.agent.is_some() {
            return Ok(());
        }
        let folder = PrivateFolder::create(folders)?;
        let path = folder.path().join("agent.sock");
        let (listener, file) = sockets::listen(&path)?;
        let listener = Listener::Unix {
            listener,
            _file: file,
            _folder: Some(folder),
        };
        self.agent = Some((path, self.serve(listener, Origin::Agent, opener)));
        Ok(())
    }

    /// The socket of the client's agent.
    pub(in crate::ssh) fn agent(&self) -> Option<&Path> {
        Some(&self.agent.as_ref()?.0)
    }

    /// Starts to pass streams on, until what is returned is dropped.
    pub(in crate::ssh) fn serve(
        &self,
        listener: Listener,
        origin: Origin,
        opener: Opener,
    ) -> DropGuard {
        let ended = opener.ended();
        let task = serve(listener, origin, opener, self.tasks.clone(), ended.clone());
        self.tasks.spawn(task);
        ended.drop_guard()
    }

    fn check_room(&self) -> io::Result<()> {
        if self.listeners.len() < MAX_LISTENERS {
            return Ok(());
        }
        Err(io::ErrorKind::QuotaExceeded.into())
    }
}

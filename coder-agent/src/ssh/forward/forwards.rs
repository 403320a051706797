use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

use super::listener::{Listener, serve};
use super::opener::{Opener, Origin};
use super::{tcp, unix};
use crate::ssh::limits::MAX_LISTENERS;

/// What a connection's client has asked to have forwarded to it.
pub(in crate::ssh) struct Forwards {
    tasks: TaskTracker,
    listeners: BTreeMap<Name, DropGuard>,
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
        let (listener, file) = unix::listen(&home.join(path))?;
        let origin = Origin::Unix {
            path: path.to_owned(),
        };
        let listener = Listener::Unix {
            listener,
            _file: file,
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

    /// Starts to pass streams on, until what is returned is dropped.
    fn serve(&self, listener: Listener, origin: Origin, opener: Opener) -> DropGuard {
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

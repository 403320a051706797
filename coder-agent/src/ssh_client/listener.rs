use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::client::protocol;
use super::{SshClient, SshStream};
use crate::{Error, ErrorKind, Result};

/// Streams that wait to be accepted; more are refused.
const BACKLOG: usize = 64;

/// Streams from a port or a socket of the workspace. Dropping it refuses further ones.
#[derive(Debug)]
pub struct RemoteListener {
    name: Name,
    streams: mpsc::Receiver<SshStream>,
    table: Listeners,
}

/// How the server names what a stream has come to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// The port is 0 until the server has chosen one.
    Tcp(String, u16),
    Unix(String),
}

/// The listeners of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Listeners(Arc<Mutex<BTreeMap<Name, mpsc::Sender<SshStream>>>>);

impl SshClient {
    /// Listens at a port of the workspace, at a free one for port 0. The address is `localhost` for
    /// the workspace itself and empty for whoever reaches it.
    ///
    /// # Errors
    /// `Refused` when the port is in use, or forwarding is not allowed.
    pub async fn listen(&self, address: &str, port: u16) -> Result<RemoteListener> {
        let mut listener = self.register(Name::Tcp(address.to_owned(), port))?;
        let bound = self
            .handle
            .tcpip_forward(address, u32::from(port))
            .await
            .map_err(|error| refused(error, &format!("listen at port {port}")))?;
        if port == 0 {
            let bound = u16::try_from(bound).unwrap_or_default();
            listener.rename(Name::Tcp(address.to_owned(), bound));
        }
        Ok(listener)
    }

    /// Listens at a Unix socket of the workspace; a relative path begins at the home directory.
    ///
    /// # Errors
    /// `Refused` when the path is in use or cannot be made, or forwarding is not allowed.
    pub async fn listen_unix(&self, path: &str) -> Result<RemoteListener> {
        let listener = self.register(Name::Unix(path.to_owned()))?;
        self.handle
            .streamlocal_forward(path)
            .await
            .map_err(|error| refused(error, &format!("listen at {path}")))?;
        Ok(listener)
    }

    fn register(&self, name: Name) -> Result<RemoteListener> {
        let (sender, streams) = mpsc::channel(BACKLOG);
        let mut table = self.listeners.lock();
        if table.contains_key(&name) {
            return Err(Error::new(
                ErrorKind::Refused,
                "this connection listens there already",
            ));
        }
        table.insert(name.clone(), sender);
        Ok(RemoteListener {
            name,
            streams,
            table: self.listeners.clone(),
        })
    }
}

impl RemoteListener {
    /// The port; 0 for a Unix socket.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match &self.name {
            Name::Tcp(_, port) => *port,
            Name::Unix(_) => 0,
        }
    }

    /// The next stream; `None` when the connection has ended.
    pub async fn accept(&mut self) -> Option<SshStream> {
        self.streams.recv().await
    }

    fn rename(&mut self, name: Name) {
        let mut table = self.table.lock();
        if let Some(sender) = table.remove(&self.name) {
            table.insert(name.clone(), sender);
        }
        drop(table);
        self.name = name;
    }
}

impl Drop for RemoteListener {
    fn drop(&mut self) {
        self.table.lock().remove(&self.name);
    }
}

impl Listeners {
    /// A place for a stream that has come to `name`; `None` if nobody wants it, or has time.
    ///
    /// The first streams of a port that the server has chosen may be faster than its name.
    pub(super) fn place(&self, name: &Name) -> Option<mpsc::OwnedPermit<SshStream>> {
        let table = self.lock();
        let sender = table.get(name).or_else(|| match name {
            Name::Tcp(address, _) => table.get(&Name::Tcp(address.clone(), 0)),
            Name::Unix(_) => None,
        })?;
        sender.clone().try_reserve_owned().ok()
    }

    /// Nothing comes any more.
    pub(super) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, mpsc::Sender<SshStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(error: russh::Error, what: &str) -> Error {
    match error {
        russh::Error::RequestDenied => Error::new(
            ErrorKind::Refused,
            format!("the workspace cannot {what}: it is in use, or not allowed"),
        ),
        error => protocol("the forward was not answered", error),
    }
}

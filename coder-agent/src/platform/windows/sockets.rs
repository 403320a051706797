//! Unix sockets, which the runtime does not have here.

use std::io;
use std::path::Path;

/// Stands in for what is never made.
pub(crate) type UnixListener = tokio::net::TcpListener;
/// Stands in for what is never made.
pub(crate) type UnixStream = tokio::net::TcpStream;

/// The file of a socket.
#[derive(Debug)]
pub(crate) enum SocketFile {}

pub(crate) fn listen(_path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) async fn connect(_path: &Path) -> io::Result<UnixStream> {
    Err(io::ErrorKind::Unsupported.into())
}

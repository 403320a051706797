//! Unix sockets that clients ask to have forwarded to them.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use rustix::fs::{Mode, fchmod};
use tokio::net::UnixSocket;
pub(crate) use tokio::net::{UnixListener, UnixStream};

use super::files::make_private_folders;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// The file of a socket, removed when this is dropped, unless another one has taken its place.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and number of the file.
    identity: (u64, u64),
}

/// Listens at a path that only this user can reach.
///
/// A socket that nobody listens at any more, left behind by somebody who was killed, is replaced;
/// OpenSSH's server does so with `StreamLocalBindUnlink`, but also takes sockets in use. A missing
/// folder is made.
pub(crate) fn listen(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        make_private_folders(folder)?;
    }
    let listener = match bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
            fs::remove_file(path)?;
            bind(path)?
        }
        bound => bound?,
    };
    let file = SocketFile::of(path)?;
    Ok((listener, file))
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    let socket = UnixSocket::new_stream()?;
    // Linux makes the file with the socket's own mode, so that there is no moment at which others
    // may connect. Elsewhere this does nothing, and the file's mode follows.
    let _ = fchmod(&socket, Mode::RUSR | Mode::WUSR);
    socket.bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    socket.listen(BACKLOG)
}

/// Connects to the socket at a path.
pub(crate) async fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}

/// Whether a path is a socket that nobody listens at. Does not wait.
fn is_abandoned(path: &Path) -> bool {
    let is_socket =
        fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    is_socket
        && matches!(
            UnixStream::connect(path).now_or_never(),
            Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused
        )
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            identity: (metadata.dev(), metadata.ino()),
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity);
        // What cannot be removed stays.
        if is_ours {
            drop(fs::remove_file(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sockets_are_private_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/for/socket");
        let (listener, file) = listen(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        let parent = path.parent().unwrap();
        assert_eq!(parent.metadata().unwrap().mode() & 0o777, 0o700);
        assert!(listen(&path).is_err(), "it is in use");
        drop((listener, file));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn only_what_nobody_uses_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");
        let (_listener, file) = listen(&path).unwrap();

        // A file that has taken the socket's place is not ours to remove.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        assert!(listen(&path).is_err());
        assert!(listen(&folder.path().join("x".repeat(200))).is_err());
    }
}

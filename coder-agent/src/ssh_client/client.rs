use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use russh::client::{AuthResult, Config, Handle, Msg, connect_stream};
use russh::{Channel, Disconnect};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::SshStream;
use super::handler::ClientHandler;
use super::listener::Listeners;
use crate::ssh::{Transport, Unsent, preferred_algorithms};
use crate::{Error, ErrorKind, Result};

/// Bytes that a server may have on their way to us, for each channel.
const WINDOW_SIZE: u32 = 16 * 1024 * 1024;

/// Messages that a channel's reader may leave unread before the whole connection waits for it.
const CHANNEL_BUFFER: usize = 1024;

/// How to log in.
#[derive(Clone, Debug)]
pub struct SshClientOptions {
    /// The name to log in with. A workspace's agent takes any.
    pub user: String,
    /// The host key to insist on, in the format of `known_hosts` (`ssh-ed25519 AAAA…`).
    pub expected_host_key: Option<String>,
    /// The socket of the SSH agent that sessions may use if they ask for it, usually
    /// `SSH_AUTH_SOCK`.
    pub agent: Option<PathBuf>,
}

impl Default for SshClientOptions {
    fn default() -> Self {
        Self {
            user: "coder".to_owned(),
            expected_host_key: None,
            agent: None,
        }
    }
}

/// A connection to a workspace's SSH server, logged in.
pub struct SshClient {
    pub(super) handle: Handle<ClientHandler>,
    pub(super) unsent: Unsent,
    pub(super) listeners: Listeners,
}

impl SshClient {
    /// Shakes hands over a stream and logs in.
    ///
    /// # Errors
    /// `Unauthenticated` for another host key than the expected one, or when the server wants more
    /// than a name; `Protocol` when the handshake fails.
    pub async fn connect<S>(stream: S, options: SshClientOptions) -> Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = Config {
            preferred: preferred_algorithms(),
            nodelay: true,
            window_size: WINDOW_SIZE,
            channel_buffer_size: CHANNEL_BUFFER,
            ..Config::default()
        };
        let (user, listeners) = (options.user.clone(), Listeners::default());
        let handler = ClientHandler::new(options, listeners.clone());
        let unsent = Unsent::default();
        let stream = Transport::new(stream, CancellationToken::new(), unsent.clone(), None);
        let mut handle = connect_stream(Arc::new(config), stream, handler)
            .await
            .map_err(|error| match error {
                russh::Error::UnknownKey => Error::new(
                    ErrorKind::Unauthenticated,
                    "the workspace has another SSH host key than expected",
                ),
                error => protocol("the SSH handshake failed", error),
            })?;
        match handle.authenticate_none(user).await {
            Ok(AuthResult::Success) => Ok(Self {
                handle,
                unsent,
                listeners,
            }),
            Ok(AuthResult::Failure { .. }) => Err(Error::new(
                ErrorKind::Unauthenticated,
                "the SSH server wants more than a name to log in",
            )),
            Err(error) => Err(protocol("the SSH login failed", error)),
        }
    }

    /// Opens a stream to an address that can be reached from the workspace.
    ///
    /// # Errors
    /// `Refused` when nothing answers there.
    pub async fn dial(&self, host: &str, port: u16) -> Result<SshStream> {
        let channel = self
            .handle
            .channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0)
            .await;
        opened(channel, &format!("{host}:{port}"))
    }

    /// Opens a stream to a Unix socket of the workspace; a relative path begins at the home
    /// directory.
    ///
    /// # Errors
    /// `Refused` when nothing answers there.
    pub async fn dial_unix(&self, path: &str) -> Result<SshStream> {
        let channel = self.handle.channel_open_direct_streamlocal(path).await;
        opened(channel, path)
    }

    /// Says good-bye. Dropping the client ends the connection as well.
    pub async fn disconnect(self) {
        // A connection that is over needs no good-bye.
        drop(
            self.handle
                .disconnect(Disconnect::ByApplication, "", "")
                .await,
        );
    }

    pub(super) async fn open_session(&self) -> Result<Channel<Msg>> {
        self.handle
            .channel_open_session()
            .await
            .map_err(|error| protocol("no session could be opened", error))
    }
}

fn opened(
    channel: std::result::Result<Channel<Msg>, russh::Error>,
    target: &str,
) -> Result<SshStream> {
    match channel {
        Ok(channel) => Ok(SshStream::new(channel)),
        Err(error @ russh::Error::ChannelOpenFailure(_)) => Err(Error::new(
            ErrorKind::Refused,
            format!("the workspace cannot connect to {target}"),
        )
        .with_source(error)),
        Err(error) => Err(protocol("no stream could be opened", error)),
    }
}

impl fmt::Debug for SshClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SshClient").finish_non_exhaustive()
    }
}

pub(super) fn protocol(message: &str, error: russh::Error) -> Error {
    let kind = match error {
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::SendError => ErrorKind::Closed,
        russh::Error::IO(_) => ErrorKind::Closed,
        _ => ErrorKind::Protocol,
    };
    Error::new(kind, message).with_source(error)
}

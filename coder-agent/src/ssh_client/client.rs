use std::fmt;
use std::sync::Arc;

use russh::client::{AuthResult, Config, Handle, Handler, connect_stream};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, Disconnect};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::ssh::{Transport, Unsent, preferred_algorithms};
use crate::{Error, ErrorKind, Result};

/// How to log in.
#[derive(Clone, Debug)]
pub struct SshClientOptions {
    /// The name to log in with. A workspace's agent takes any.
    pub user: String,
    /// The host key to insist on, in the format of `known_hosts` (`ssh-ed25519 AAAA…`).
    pub expected_host_key: Option<String>,
}

impl Default for SshClientOptions {
    fn default() -> Self {
        Self {
            user: "coder".to_owned(),
            expected_host_key: None,
        }
    }
}

/// A connection to a workspace's SSH server, logged in.
pub struct SshClient {
    handle: Handle<HostKeyCheck>,
    pub(super) unsent: Unsent,
}

pub(super) struct HostKeyCheck {
    expected: Option<String>,
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
            ..Config::default()
        };
        let check = HostKeyCheck {
            expected: options.expected_host_key,
        };
        let unsent = Unsent::default();
        let stream = Transport::new(stream, CancellationToken::new(), unsent.clone(), None);
        let mut handle = connect_stream(Arc::new(config), stream, check)
            .await
            .map_err(|error| match error {
                russh::Error::UnknownKey => Error::new(
                    ErrorKind::Unauthenticated,
                    "the workspace has another SSH host key than expected",
                ),
                error => protocol("the SSH handshake failed", error),
            })?;
        match handle.authenticate_none(options.user).await {
            Ok(AuthResult::Success) => Ok(Self { handle, unsent }),
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
    pub async fn dial(
        &self,
        host: &str,
        port: u16,
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>> {
        let channel = self
            .handle
            .channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0)
            .await
            .map_err(|error| match error {
                russh::Error::ChannelOpenFailure(reason) => Error::new(
                    ErrorKind::Refused,
                    format!("the workspace cannot connect to {host}:{port}"),
                )
                .with_source(russh::Error::ChannelOpenFailure(reason)),
                error => protocol("no stream could be opened", error),
            })?;
        Ok(channel.into_stream())
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

    pub(super) async fn open_session(&self) -> Result<Channel<russh::client::Msg>> {
        self.handle
            .channel_open_session()
            .await
            .map_err(|error| protocol("no session could be opened", error))
    }
}

impl Handler for HostKeyCheck {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        server_public_key: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let Some(expected) = &self.expected else {
            return Ok(true);
        };
        let PublicKeyOrCertificate::PublicKey { key, .. } = server_public_key else {
            return Ok(false);
        };
        // A comment may follow the key.
        let words = |text: &str| text.split_whitespace().take(2).map(str::to_owned).collect();
        let expected: Vec<String> = words(expected);
        Ok(words(&key.to_openssh()?) == expected)
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

use std::path::PathBuf;
use std::sync::Arc;

use russh::client::{ChannelOpenHandle, Handler, Msg, Session};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelOpenFailure, Error};
use tokio::io::copy_bidirectional;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::listener::{Listeners, Name};
use super::{SshClientOptions, SshStream};

/// Streams to the SSH agent at a time; the workspace may be hostile.
const MAX_AGENT_STREAMS: usize = 64;

/// Answers what the server asks for.
pub(super) struct ClientHandler {
    expected_host_key: Option<String>,
    /// The socket of the SSH agent.
    agent: Option<PathBuf>,
    agent_streams: Arc<Semaphore>,
    listeners: Listeners,
    /// Cancelled when the connection ends.
    ended: CancellationToken,
}

impl ClientHandler {
    pub(super) fn new(options: SshClientOptions, listeners: Listeners) -> Self {
        Self {
            expected_host_key: options.expected_host_key,
            agent: options.agent,
            agent_streams: Arc::new(Semaphore::new(MAX_AGENT_STREAMS)),
            listeners,
            ended: CancellationToken::new(),
        }
    }

    /// Gives a stream to whoever listens for it.
    async fn offer(&self, name: &Name, channel: Channel<Msg>, reply: ChannelOpenHandle) {
        match self.listeners.place(name) {
            Some(place) => {
                reply.accept().await;
                place.send(SshStream::new(channel));
            }
            None => refuse(reply).await,
        }
    }
}

impl Handler for ClientHandler {
    type Error = Error;

    async fn check_server_key(
        &mut self,
        server_public_key: &PublicKeyOrCertificate,
    ) -> Result<bool, Error> {
        let Some(expected) = &self.expected_host_key else {
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

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        channel: Channel<Msg>,
        connected_address: &str,
        connected_port: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        let port = u16::try_from(connected_port).unwrap_or_default();
        let name = Name::Tcp(connected_address.to_owned(), port);
        self.offer(&name, channel, reply).await;
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        channel: Channel<Msg>,
        socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        let name = Name::Unix(socket_path.to_owned());
        self.offer(&name, channel, reply).await;
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        let permit = Arc::clone(&self.agent_streams).try_acquire_owned();
        let (Some(socket), Ok(permit)) = (self.agent.clone(), permit) else {
            refuse(reply).await;
            return Ok(());
        };
        let ended = self.ended.clone();
        let pass_on = async move {
            let _permit = permit;
            match UnixStream::connect(socket).await {
                Ok(mut agent) => {
                    reply.accept().await;
                    let mut stream = SshStream::new(channel);
                    // Either end may break at any time; both are closed then.
                    drop(copy_bidirectional(&mut stream, &mut agent).await);
                }
                Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
            }
        };
        tokio::spawn(async move { ended.run_until_cancelled(pass_on).await });
        Ok(())
    }

    // What nobody here has asked for is refused: by default the library takes it.

    async fn server_channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        refuse(reply).await;
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host_to_connect: &str,
        _port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        refuse(reply).await;
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        refuse(reply).await;
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        refuse(reply).await;
        Ok(())
    }
}

/// Refuses a channel that nobody here has asked for.
async fn refuse(reply: ChannelOpenHandle) {
    reply
        .reject(ChannelOpenFailure::AdministrativelyProhibited)
        .await;
}

impl Drop for ClientHandler {
    /// The connection has ended.
    fn drop(&mut self) {
        self.listeners.close();
        self.ended.cancel();
    }
}

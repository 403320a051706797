use russh::ChannelOpenFailure;
use russh::server::ChannelOpenHandle;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::limits::{CLOSE_WAIT, CONNECT_TIMEOUT};
use super::output::Stream;
use super::registry::ServedChannel;

/// The longest name of a host (RFC 1035), or an address.
const MAX_HOST_BYTES: usize = 255;

/// Where a client wants a stream to lead; anything that can be reached from the workspace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    host: String,
    port: u16,
}

impl Target {
    /// `None` for what cannot be an address.
    pub(super) fn new(host: &str, port: u32) -> Option<Self> {
        let port = u16::try_from(port).ok().filter(|port| *port != 0)?;
        let usable = !host.is_empty()
            && host.len() <= MAX_HOST_BYTES
            && !host
                .bytes()
                .any(|byte| byte.is_ascii_control() || byte == b' ');
        usable.then(|| Self {
            host: host.to_owned(),
            port,
        })
    }
}

/// Connects, answers the client, and passes bytes both ways until both directions have ended.
pub(super) async fn run(target: Target, channel: ServedChannel, reply: ChannelOpenHandle) {
    let ServedChannel {
        input,
        output,
        closed,
        registration,
        control: _,
    } = channel;
    let connecting = timeout(
        CONNECT_TIMEOUT,
        TcpStream::connect((&*target.host, target.port)),
    );
    let connected = tokio::select! {
        connected = connecting => connected,
        () = closed.cancelled() => return,
    };
    let Ok(Ok(stream)) = connected else {
        tracing::debug!(
            host = target.host,
            port = target.port,
            "a forwarded stream was refused"
        );
        drop(registration);
        reply.reject(ChannelOpenFailure::ConnectFailed).await;
        return;
    };
    // Interactive protocols go through here; a socket that takes no options works too.
    drop(stream.set_nodelay(true));
    reply.accept().await;

    let (reader, writer) = stream.into_split();
    let down = async {
        output.copy_from(Stream::Stdout, reader).await?;
        output.end().await
    };
    let up = async {
        input.copy_into(writer).await;
        Ok(())
    };
    tokio::select! {
        _ = async { tokio::try_join!(down, up) } => {}
        () = closed.cancelled() => {
            output.abandon().await;
            return;
        }
    }
    // Clients close a stream that has ended both ways. The library forgets a channel completely
    // only if they do so first.
    if timeout(CLOSE_WAIT, closed.cancelled()).await.is_err() {
        // The connection is over if this fails.
        drop(output.close().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        assert!(Target::new("localhost", 8080).is_some());
        assert!(Target::new("::1", 65535).is_some());
        for (host, port) in [("", 80), ("a b", 80), ("a\nb", 80), ("a", 0), ("a", 65536)] {
            assert_eq!(Target::new(host, port), None, "{host} {port}");
        }
        assert_eq!(Target::new(&"a".repeat(256), 80), None);
    }
}

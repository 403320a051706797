//! TCP ports.

use super::run::{Network, Target};
use coder_agent::tunnel::{Buffered, splice};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// How long to wait after a connection could not be taken, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Takes connections for ever. All end with this.
pub(super) async fn serve(listener: TcpListener, port: u16, target: Arc<Target>) -> io::Error {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    connections.spawn(connect(socket, port, Arc::clone(&target)));
                }
                Err(error) => {
                    target.complaints.warn(&format!("a connection cannot be taken: {error}"));
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(mut socket: TcpStream, port: u16, target: Arc<Target>) {
    let Ok(_permit) = target.streams.try_acquire() else {
        target
            .complaints
            .warn("too many connections are open, a further one was refused");
        return;
    };
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a socket takes no options");
    }
    let Some(stream) = target.dial(Network::Tcp, port).await else {
        reset(&socket);
        return;
    };
    // Either end may break at any time; both are closed then.
    if let Err(error) = splice(Buffered::new(&mut socket), stream).await {
        tracing::debug!(%error, "a forwarded connection broke");
        reset(&socket);
    }
}

/// Lets the program that connected see a failure, not an empty answer.
fn reset(socket: &TcpStream) {
    if let Err(error) = socket.set_zero_linger() {
        tracing::debug!(%error, "a socket takes no options");
    }
}

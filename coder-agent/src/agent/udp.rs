//! UDP ports of the workspace.

use std::io;
use std::net::Ipv4Addr;

use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::net::UdpSocket;

use crate::tunnel::datagram::{MAX_DATAGRAM_BYTES, read_datagram, write_datagram};

/// A socket that talks with `port` of this machine only.
pub(super) async fn dial(port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect((Ipv4Addr::LOCALHOST, port)).await?;
    Ok(socket)
}

/// Passes datagrams both ways until the stream ends.
pub(super) async fn splice(stream: impl AsyncRead + AsyncWrite, socket: UdpSocket) {
    let (mut reader, mut writer) = split(stream);
    let up = async {
        let mut datagram = Vec::new();
        while let Ok(true) = read_datagram(&mut reader, &mut datagram).await {
            // What cannot be sent is lost, as datagrams are; the service may come up later.
            let _ = socket.send(&datagram).await;
        }
    };
    let down = async {
        let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
        loop {
            match socket.recv(&mut buffer).await {
                Ok(length) => {
                    let datagram = buffer.get(..length).unwrap_or_default();
                    if write_datagram(&mut writer, datagram).await.is_err() {
                        return;
                    }
                }
                // Nothing listens there, as an earlier datagram found out.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(_) => return,
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

//! UDP ports: one stream for each peer on this machine.

use coder_agent::tunnel::datagram::{MAX_DATAGRAM_BYTES, read_datagram, write_datagram};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, split},
    net::UdpSocket,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// How long a peer may say and hear nothing before it is forgotten (RFC 4787 wants 2 minutes and more).
const IDLE: Duration = Duration::from_secs(180);
/// Peers of one port at once; datagrams of further ones are lost.
const MAX_PEERS: usize = 64;
/// Datagrams of a peer that wait for their stream; further ones are lost.
const QUEUE: usize = 32;

/// The queue of each peer, with the number of its stream.
type Queues = BTreeMap<SocketAddr, (u64, mpsc::Sender<Vec<u8>>)>;
type Peers = Arc<Mutex<Queues>>;

/// Passes datagrams between the peers of a socket and the streams that `dial` opens. Returns when the socket
/// cannot be used any more.
pub(super) async fn serve<S, F>(socket: UdpSocket, dial: impl Fn() -> F) -> io::Error
where
    S: AsyncRead + AsyncWrite + Send + 'static,
    F: Future<Output = Option<S>> + Send + 'static,
{
    let socket = Arc::new(socket);
    let peers = Peers::default();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
    for number in 0.. {
        let (length, from) = match receive(&socket, &mut buffer, &mut tasks).await {
            Ok(received) => received,
            Err(error) => return error,
        };
        let datagram = buffer.get(..length).unwrap_or_default().to_vec();
        let Some(datagram) = deliver(&peers, from, datagram) else {
            continue;
        };
        let (sender, queue) = mpsc::channel(QUEUE);
        // The queue is new and has room.
        let _ = sender.try_send(datagram);
        lock(&peers).insert(from, (number, sender));
        let (socket, peers, dialing) = (Arc::clone(&socket), Arc::clone(&peers), dial());
        tasks.spawn(async move {
            if let Some(stream) = dialing.await {
                talk(stream, &socket, from, queue).await;
            }
            let mut peers = lock(&peers);
            if peers.get(&from).is_some_and(|(own, _)| *own == number) {
                peers.remove(&from);
            }
        });
    }
    io::ErrorKind::Other.into()
}

/// The next datagram, while finished tasks are cleared away.
async fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
    tasks: &mut JoinSet<()>,
) -> io::Result<(usize, SocketAddr)> {
    loop {
        tokio::select! {
            received = socket.recv_from(buffer) => match received {
                // An earlier datagram found nobody: that is the peer's affair.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                other => return other,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// Gives a datagram to its peer's stream; gives it back when the peer is new and there is room for it.
fn deliver(peers: &Peers, from: SocketAddr, datagram: Vec<u8>) -> Option<Vec<u8>> {
    let mut peers = lock(peers);
    if let Some((_, queue)) = peers.get(&from) {
        match queue.try_send(datagram) {
            // What does not fit is lost, as datagrams are.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => return None,
            // Its stream has just ended.
            Err(mpsc::error::TrySendError::Closed(datagram)) => {
                peers.remove(&from);
                return Some(datagram);
            }
        }
    }
    (peers.len() < MAX_PEERS).then_some(datagram)
}

/// Passes one peer's datagrams until the stream ends or nothing was said for a while.
async fn talk(
    stream: impl AsyncRead + AsyncWrite,
    socket: &UdpSocket,
    peer: SocketAddr,
    mut queue: mpsc::Receiver<Vec<u8>>,
) {
    let begin = Instant::now();
    let last = AtomicU64::new(0);
    let note = || {
        let now = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        last.store(now, Ordering::Relaxed);
    };
    let (mut reader, mut writer) = split(stream);
    let up = async {
        while let Some(datagram) = queue.recv().await {
            note();
            if write_datagram(&mut writer, &datagram).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let mut datagram = Vec::new();
        while let Ok(true) = read_datagram(&mut reader, &mut datagram).await {
            note();
            // A peer that is gone hears nothing, and is forgotten in time.
            let _ = socket.send_to(&datagram, peer).await;
        }
    };
    let idle = async {
        loop {
            let end = begin + Duration::from_millis(last.load(Ordering::Relaxed)) + IDLE;
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
        () = idle => {}
    }
}

fn lock(peers: &Peers) -> MutexGuard<'_, Queues> {
    peers.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, DuplexStream};
    use tokio::sync::mpsc::{Receiver, channel};

    /// A forwarded port, and the far ends of the streams that were opened for it.
    async fn forwarded() -> (SocketAddr, Receiver<DuplexStream>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("bound");
        let address = socket.local_addr().expect("an address");
        let (opened, streams) = channel(2 * MAX_PEERS);
        let dial = move || {
            let opened = opened.clone();
            async move {
                let (near, far) = tokio::io::duplex(256 * 1024);
                opened.send(far).await.expect("listened to");
                Some(near)
            }
        };
        tokio::spawn(async move { serve(socket, dial).await });
        (address, streams)
    }

    async fn peer(address: SocketAddr) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("bound");
        socket.connect(address).await.expect("connected");
        socket
    }

    #[tokio::test]
    async fn each_peer_has_a_stream_of_its_own() {
        let (address, mut streams) = forwarded().await;
        let mut datagram = Vec::new();
        for name in [&b"one"[..], b"two"] {
            let peer = peer(address).await;
            peer.send(name).await.expect("sent");
            let mut stream = streams.recv().await.expect("a stream");
            assert!(
                read_datagram(&mut stream, &mut datagram)
                    .await
                    .expect("read")
            );
            assert_eq!(datagram, name);
            write_datagram(&mut stream, b"answer")
                .await
                .expect("written");
            let mut buffer = [0; 16];
            let length = peer.recv(&mut buffer).await.expect("answered");
            assert_eq!(&buffer[..length], b"answer");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_forgotten_and_comes_back() {
        let (address, mut streams) = forwarded().await;
        let peer = peer(address).await;
        peer.send(b"1").await.expect("sent");
        let mut first = streams.recv().await.expect("a stream");
        let mut rest = Vec::new();
        // The clock moves on by itself while everything waits.
        first.read_to_end(&mut rest).await.expect("ended");
        assert_eq!(rest, [0, 1, b'1']);
        peer.send(b"2").await.expect("sent");
        let mut second = streams.recv().await.expect("another stream");
        assert!(read_datagram(&mut second, &mut rest).await.expect("read"));
        assert_eq!(rest, b"2");
    }

    #[tokio::test]
    async fn peers_are_bounded() {
        let (address, mut streams) = forwarded().await;
        let mut open = Vec::new();
        for _ in 0..MAX_PEERS {
            let peer = peer(address).await;
            peer.send(b"x").await.expect("sent");
            open.push((streams.recv().await.expect("a stream"), peer));
        }
        let late = peer(address).await;
        late.send(b"lost").await.expect("sent");
        // Whoever was there is still served; that the late one had no stream shows in the order.
        let (stream, first) = &mut open[0];
        first.send(b"again").await.expect("sent");
        let mut datagram = Vec::new();
        for expected in [&b"x"[..], b"again"] {
            assert!(read_datagram(stream, &mut datagram).await.expect("read"));
            assert_eq!(datagram, expected);
        }
        assert!(streams.try_recv().is_err(), "one stream too many");
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// An HTTP proxy that knows CONNECT only.
pub(crate) struct ConnectProxy {
    pub(crate) url: String,
    pub(crate) connections: Arc<AtomicUsize>,
    accepting: AbortHandle,
}

impl ConnectProxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(connect(socket, Arc::clone(&count)));
            }
        });
        Self {
            url,
            connections,
            accepting: accepting.abort_handle(),
        }
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(socket: TcpStream, count: Arc<AtomicUsize>) {
    let mut socket = BufReader::new(socket);
    let mut request = String::new();
    socket.read_line(&mut request).await.unwrap();
    let mut line = String::new();
    while socket.read_line(&mut line).await.unwrap() > 2 {
        line.clear();
    }
    let mut words = request.split_whitespace();
    if words.next() != Some("CONNECT") {
        socket
            .write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
            .await
            .unwrap();
        return;
    }
    let mut target = TcpStream::connect(words.next().unwrap()).await.unwrap();
    count.fetch_add(1, Ordering::SeqCst);
    socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let _ = copy_bidirectional(&mut socket, &mut target).await;
}

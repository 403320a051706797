//! The SSH server of a workspace alone, without a server or a tunnel, for a stock `ssh`:
//!
//! ```sh
//! cargo run -p coder-agent --features agent --example ssh_server &
//! ssh -p 2222 -o StrictHostKeyChecking=no 127.0.0.1
//! ```
//!
//! It lets in whoever reaches the port, which is therefore one of this machine alone: in a
//! workspace the tunnel decides who reaches it.

use coder_agent::ssh::{Blocked, Environment, HostKey, SshOptions, SshServer, User};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> std::io::Result<()> {
    let environment: Environment = std::env::vars_os().collect();
    let server = SshServer::new(SshOptions {
        // An empty secret: anybody can compute this key.
        host_key: HostKey::derive(b"", "alice", "dev", "main"),
        user: User::current(&environment).await,
        process_environment: environment,
        max_timeout: SshOptions::DEFAULT_MAX_TIMEOUT,
        blocked: Blocked::default(),
    });
    let port = std::env::args()
        .nth(1)
        .map_or(Ok(2222), |port| port.parse().map_err(std::io::Error::other))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let server = server.clone();
        tokio::spawn(async move { server.serve(stream, CancellationToken::new()).await });
    }
}

//! The SSH server of workspaces over any stream, here a pipe in memory: no socket, no server, no tunnel.
//! Run it with: cargo run -p coder-examples --example ssh_in_memory

use coder_agent::{
    ssh::{Blocked, Environment, HostKey, SshOptions, SshServer, User},
    ssh_client::{SessionRequest, SshClient, SshClientOptions, Streams, TerminalSize},
};
use std::io::Write as _;
use tokio::{io::duplex, sync::watch};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let environment: Environment = std::env::vars_os().collect();
    // A secret that everybody knows: anybody can compute this key.
    let host_key = HostKey::derive(b"", "ann", "dev", "main");
    let expected_host_key = Some(host_key.public_key());
    let server = SshServer::new(SshOptions {
        host_key,
        user: User::current(&environment).await,
        process_environment: environment,
        max_timeout: SshOptions::DEFAULT_MAX_TIMEOUT,
        blocked: Blocked::default(),
    });
    let (ours, theirs) = duplex(64 * 1024);
    tokio::spawn(async move { server.serve(theirs, CancellationToken::new()).await });

    let options = SshClientOptions {
        expected_host_key,
        ..SshClientOptions::default()
    };
    let client = SshClient::connect(ours, options).await?;
    let mut output = Vec::new();
    let streams = Streams {
        stdin: &b"hello\n"[..],
        stdout: &mut output,
        stderr: tokio::io::sink(),
    };
    let request = SessionRequest {
        command: Some("tr a-z A-Z; exit 7".to_owned()),
        ..SessionRequest::default()
    };
    let (_, size) = watch::channel(TerminalSize::default());
    let status = client.run(request, streams, size).await?;
    let mut out = std::io::stdout().lock();
    out.write_all(&output)?;
    writeln!(out, "and exit code {status}")?;
    Ok(())
}

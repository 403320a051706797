//! Reaches the agent and speaks SSH with it, or passes it on.

use super::{
    SshArgs, known_hosts, log_file,
    network_info::{NetworkInfo, Traffic},
    session, stdio, usage,
};
use crate::cli::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    reach::{AgentStream, Reached, dial, fate, gone, reach},
    workspace::WorkspaceName,
};
use coder_agent::tunnel::{Buffered, port};
use std::path::Path;
use tokio::{
    io::{AsyncBufRead, AsyncWrite},
    signal::unix::{SignalKind, signal},
};

/// Exit code of faults of the connection, as opposed to those of the remote command.
pub(super) const SSH_FAULT: u8 = 229;

/// Connects.
pub(crate) async fn run(global: &GlobalArgs, args: SshArgs) -> CliResult {
    connect(global, &args)
        .await
        .map_err(|error| error.instead_of_general(SSH_FAULT))
}

async fn connect(global: &GlobalArgs, args: &SshArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let name = WorkspaceName::parse_host(
        &args.workspace,
        &args.ssh_host_prefix,
        &args.hostname_suffix,
    )?;
    if let Some(folder) = &args.log_dir {
        log_file::begin(folder)?;
    }
    let reached = reach(&client, &name, args.wish()).await?;
    let (stream, host_key) = tokio::join!(open(&client, &reached), host_key(&client, &reached));
    let stream = stream?;
    tracing::debug!(agent = reached.agent.id, host_key, "connected");
    let traffic = Traffic::default();
    let ended = {
        let background = background(&client, &reached, args, &traffic);
        tokio::select! {
            ended = begin(stream, host_key.as_deref(), args, &traffic) => ended,
            fate = gone(&client, &reached, args.workspace_poll_interval) => {
                Err(Ended::Lost(CliError::new(fate)))
            }
            told = told_to_end() => told,
            never = background => match never {},
        }
    };
    match ended {
        Ok(()) if args.stdio => tokio::select! {
            // OpenSSH ends, and with it the connection: nobody waits for an explanation.
            biased;
            _ = told_to_end() => Ok(()),
            // The agent said good-bye, which OpenSSH cannot explain.
            fate = fate(&client, &reached) => match fate {
                Some(fate) => Err(lost(&reached, &fate)),
                None => Ok(()),
            },
        },
        Ok(()) => Ok(()),
        Err(Ended::Failed(error)) => Err(error),
        Err(Ended::Lost(error)) => Err(explained(&client, &reached, error).await),
    }
}

/// How talking to the workspace went wrong.
pub(super) enum Ended {
    /// Nothing more is to be said.
    Failed(CliError),
    /// The connection ended; the server may know why.
    Lost(CliError),
}

async fn begin(
    stream: AgentStream,
    host_key: Option<&str>,
    args: &SshArgs,
    traffic: &Traffic,
) -> Result<(), Ended> {
    if args.network_info_dir.is_none() {
        return talk(stream, host_key, args).await;
    }
    let counted = Buffered::new(Box::pin(traffic.count(stream)));
    talk(counted, host_key, args).await
}

async fn talk(
    stream: impl AsyncBufRead + AsyncWrite + Unpin + Send + 'static,
    host_key: Option<&str>,
    args: &SshArgs,
) -> Result<(), Ended> {
    if !args.stdio {
        return session::run(stream, host_key, args).await;
    }
    if let Some(file) = &args.known_hosts_file {
        remember(file, &args.workspace, host_key);
    }
    stdio::copy(stream).await.map_err(Ended::Lost)
}

/// Lets OpenSSH know the host key. Where it cannot be written, OpenSSH says that it does not know the host.
fn remember(file: &Path, host: &str, host_key: Option<&str>) {
    if let Err(error) = known_hosts::remember(file, host, host_key) {
        crate::cli::output::error_line(&format!(
            "warning: the workspace's host key cannot be written to {}: {error}",
            file.display()
        ));
    }
}

async fn open(client: &Client, reached: &Reached) -> CliResult<AgentStream> {
    let opened = dial(client, &reached.agent, port::SSH).await;
    opened.map_err(|error| {
        CliError::new(format!(
            "the agent {:?} cannot be reached",
            reached.agent.name
        ))
        .caused_by(error)
        .hint("See what is between you and it with: coder netcheck")
    })
}

/// The host key that the server has for the agent; older servers and agents have none.
async fn host_key(client: &Client, reached: &Reached) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Connection {
        #[serde(default)]
        ssh_host_key: Option<String>,
    }
    let path = format!("api/v2/workspaceagents/{}/connection", reached.agent.id);
    let found: CliResult<Connection> = client.get(&path).await;
    found
        .ok()?
        .ssh_host_key
        .filter(|key| known_hosts::is_key(key))
}

/// What is told to others while the connection lasts.
async fn background(
    client: &Client,
    reached: &Reached,
    args: &SshArgs,
    traffic: &Traffic,
) -> std::convert::Infallible {
    let network_info = async {
        match &args.network_info_dir {
            Some(folder) => {
                let interval = args.network_info_interval;
                let info = NetworkInfo::new(client, reached, folder, traffic.clone());
                info.keep(interval).await
            }
            None => std::future::pending().await,
        }
    };
    let usage = async {
        match &args.usage_app {
            Some(app) => usage::report(client, reached, app).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        never = network_info => never,
        never = usage => never,
    }
}

/// The error with what the server knows about it.
async fn explained(client: &Client, reached: &Reached, error: CliError) -> CliError {
    match fate(client, reached).await {
        Some(fate) => lost(reached, &fate),
        None => {
            let name = reached.workspace.full_name();
            CliError::new(format!("the connection to {name} was lost"))
                .caused_by(error)
                .hint("The workspace runs and its agent is connected: connect again.")
                .code(SSH_FAULT)
        }
    }
}

fn lost(reached: &Reached, fate: &str) -> CliError {
    let name = reached.workspace.full_name();
    CliError::new(format!("the connection to {name} was lost: {fate}")).code(SSH_FAULT)
}

/// Returns when this process shall end, as OpenSSH wants of a ProxyCommand: what was set up is put back then.
async fn told_to_end() -> Result<(), Ended> {
    let failed = |error| Ended::Failed(CliError::from(error));
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        _ = hangup.recv() => {}
        _ = terminate.recv() => {}
    }
    Err(Ended::Failed(CliError::silent(255)))
}

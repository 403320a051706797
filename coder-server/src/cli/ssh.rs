//! `coder ssh`: a shell, a command, or (`--stdio`) the bytes for an OpenSSH client.

use super::{
    builds,
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{error_line, printable},
    parameters::pairs,
    progress::Followed,
    scripts,
    stdio::Stdio,
    types::{Agent, AgentLog, Workspace},
    workspace::{self, WorkspaceName},
};
use coder_agent::{
    ssh_client::{self, SessionRequest, SshClient, SshClientOptions, TerminalRequest},
    tunnel::{port, splice, ws},
};
use coder_core::{workspace_agent::AgentStatus, workspace_build::WorkspaceStatus};
use reqwest::Method;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite};

/// Exit code of faults of the connection, as opposed to those of the remote command.
const SSH_FAULT: u8 = 229;
/// Between two looks at an agent that is not ready: the first pause and the longest.
const POLL: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));

/// Flags of `coder ssh`.
#[derive(clap::Args)]
pub(crate) struct SshArgs {
    /// The workspace, `workspace.agent` where there are several agents.
    workspace: String,
    /// The command; a shell without one.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// Speak SSH on standard input and output, for a ProxyCommand.
    #[arg(long, env = "CODER_SSH_STDIO")]
    stdio: bool,
    /// Open a terminal for a command as well.
    #[arg(short, long, env = "CODER_SSH_TTY")]
    tty: bool,
    /// Prefix that host names have.
    #[arg(long, env = "CODER_SSH_SSH_HOST_PREFIX", default_value = "")]
    ssh_host_prefix: String,
    /// Suffix that host names have.
    #[arg(long, env = "CODER_SSH_HOSTNAME_SUFFIX", default_value = "")]
    hostname_suffix: String,
    /// Whether to wait until start scripts have ended; `auto` follows the template.
    #[arg(long, env = "CODER_SSH_WAIT", default_value = "auto", value_parser = ["yes", "no", "auto"])]
    wait: String,
    /// The same as `--wait no`.
    #[arg(long, env = "CODER_SSH_NO_WAIT")]
    no_wait: bool,
    /// Variable to set, `name=value`.
    #[arg(short, long, env = "CODER_SSH_ENV", value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Do not start a stopped workspace.
    #[arg(long, env = "CODER_SSH_DISABLE_AUTOSTART")]
    disable_autostart: bool,
}

impl SshArgs {
    /// Whether there is nothing to do but to pass bytes on.
    pub(crate) const fn only_copies(&self) -> bool {
        self.stdio
    }
}

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
    let found = running(&client, &name, args).await?;
    let agent = ready(&client, found, &name, args).await?;
    let path = format!(
        "api/v2/workspaceagents/{}/connect?port={}",
        agent.id,
        port::SSH
    );
    let stream = ws::connect(client.request(Method::GET, &path)?)
        .await
        .map_err(|error| {
            CliError::new(format!("the agent {:?} cannot be reached", agent.name)).caused_by(error)
        })?;
    let stream = stream.with_keep_alive(ws::KEEP_ALIVE_INTERVAL);
    if args.stdio {
        copy_stdio(stream).await
    } else {
        session(stream, args).await
    }
}

/// Passes bytes between the stream and standard input and output until either side ends.
async fn copy_stdio(stream: impl AsyncBufRead + AsyncWrite + Unpin) -> CliResult {
    match splice(Stdio::open(), stream).await {
        Ok(()) => Ok(()),
        // The OpenSSH client goes away without a word when it is done.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            Err(CliError::new("the connection to the workspace was lost").caused_by(error))
        }
    }
}

async fn session(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    args: &SshArgs,
) -> CliResult {
    let failed = |error: coder_agent::Error| {
        CliError::new("the SSH session failed")
            .caused_by(error)
            .code(SSH_FAULT)
    };
    let ssh = SshClient::connect(stream, SshClientOptions::default())
        .await
        .map_err(failed)?;
    let wants_terminal = args.tty || args.command.is_empty();
    let request = SessionRequest {
        command: (!args.command.is_empty()).then(|| args.command.join(" ")),
        environment: pairs(&args.env)?,
        terminal: (wants_terminal && ssh_client::has_terminal()).then(TerminalRequest::default),
    };
    let status = ssh.run_with_terminal(request).await.map_err(failed)?;
    match u8::try_from(status) {
        Ok(0) => Ok(()),
        Ok(code) => Err(CliError::silent(code)),
        Err(_) => Err(CliError::silent(255)),
    }
}

/// The workspace once it runs: waits for a build that is under way, starts one that is stopped.
async fn running(client: &Client, name: &WorkspaceName, args: &SshArgs) -> CliResult<Workspace> {
    let found = workspace::find(client, name).await?;
    let full_name = found.full_name();
    match found.latest_build.status {
        WorkspaceStatus::Running => return Ok(found),
        WorkspaceStatus::Pending | WorkspaceStatus::Starting => {
            Followed::build(&found.latest_build.id).wait(client).await?;
        }
        WorkspaceStatus::Stopped if !args.disable_autostart => {
            error_line(&format!(
                "The workspace {} is stopped, starting it.",
                printable(&full_name)
            ));
            builds::start_as_is(client, &found).await?;
        }
        status => {
            return Err(
                CliError::new(format!("the workspace {full_name} is {status}"))
                    .hint(format!("Start it with: coder start {full_name}")),
            );
        }
    }
    workspace::refresh(client, &found).await
}

/// The agent once it is connected and, if so wished, its start scripts have ended.
async fn ready(
    client: &Client,
    mut found: Workspace,
    name: &WorkspaceName,
    args: &SshArgs,
) -> CliResult<Agent> {
    let (mut pause, mut said) = (POLL.0, false);
    let mut logs = StartupLogs::default();
    loop {
        let agent = workspace::agent(&found, name.agent.as_deref())?.clone();
        match agent.status {
            AgentStatus::Connected => {
                let blocking = agent
                    .scripts
                    .iter()
                    .any(|script| script.run_on_start && script.start_blocks_login);
                let wait = match args.wait.as_str() {
                    _ if args.no_wait => false,
                    "yes" => true,
                    "no" => false,
                    _ => blocking,
                };
                if !wait || agent.lifecycle_state.is_started() {
                    scripts::warn_about(&agent);
                    return Ok(agent);
                }
                logs.print(client, &agent).await?;
            }
            AgentStatus::Timeout => {
                return Err(CliError::new("the agent has not connected in time")
                    .hint(troubleshooting(&agent, &found)));
            }
            AgentStatus::Connecting | AgentStatus::Disconnected if !said => {
                said = true;
                error_line(&format!(
                    "Waiting for the agent {} to connect…",
                    printable(&agent.name)
                ));
            }
            AgentStatus::Connecting | AgentStatus::Disconnected => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 5 / 4).min(POLL.1);
        found = workspace::refresh(client, &found).await?;
        if found.latest_build.status != WorkspaceStatus::Running {
            return Err(CliError::new(format!(
                "the workspace {} is {} now",
                found.full_name(),
                found.latest_build.status
            )));
        }
    }
}

fn troubleshooting(agent: &Agent, workspace: &Workspace) -> String {
    if agent.troubleshooting_url.is_empty() {
        format!("See what it did with: coder logs {}", workspace.full_name())
    } else {
        format!("Read {}", printable(&agent.troubleshooting_url))
    }
}

/// Shows what start scripts print while one waits for them.
#[derive(Default)]
struct StartupLogs {
    after: i64,
}

impl StartupLogs {
    async fn print(&mut self, client: &Client, agent: &Agent) -> CliResult {
        let path = format!(
            "api/v2/workspaceagents/{}/logs?after={}",
            agent.id, self.after
        );
        for log in client.get::<Vec<AgentLog>>(&path).await? {
            self.after = self.after.max(log.id);
            error_line(&printable(&log.output));
        }
        Ok(())
    }
}

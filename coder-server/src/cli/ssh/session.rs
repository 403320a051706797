//! A shell or a command, by our own SSH client.

use super::{
    SshArgs,
    connect::{Ended, SSH_FAULT},
    gpg, remote_forward,
};
use crate::cli::{error::CliError, parameters::pairs};
use coder_agent::{
    Error, ErrorKind,
    ssh_client::{self, SessionRequest, SshClient, SshClientOptions, TerminalRequest},
};
use tokio::io::{AsyncRead, AsyncWrite};

/// Runs the command or the shell to its end.
pub(super) async fn run(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host_key: Option<&str>,
    args: &SshArgs,
) -> Result<(), Ended> {
    let agent = args.lent_agent();
    let agent_forward = agent.is_some();
    let options = SshClientOptions {
        agent,
        expected_host_key: host_key.map(str::to_owned),
        ..SshClientOptions::default()
    };
    let ssh = SshClient::connect(stream, options).await.map_err(failed)?;
    let wants_terminal = args.tty || args.command.is_empty();
    let environment = pairs(&args.env).map_err(Ended::Failed)?;
    let _gpg = if args.forward_gpg {
        let lent = gpg::begin(&ssh, &environment).await;
        Some(lent.map_err(Ended::Failed)?)
    } else {
        None
    };
    let request = SessionRequest {
        command: (!args.command.is_empty()).then(|| args.command.join(" ")),
        environment,
        terminal: (wants_terminal && ssh_client::has_terminal()).then(TerminalRequest::default),
        agent_forward,
    };
    let _forwards = remote_forward::begin(&ssh, &args.remote_forward)
        .await
        .map_err(failed)?;
    let status = ssh.run_with_terminal(request).await.map_err(failed)?;
    match u8::try_from(status) {
        Ok(0) => Ok(()),
        Ok(code) => Err(Ended::Failed(CliError::silent(code))),
        Err(_) => Err(Ended::Failed(CliError::silent(255))),
    }
}

fn failed(error: Error) -> Ended {
    let closed = error.kind() == ErrorKind::Closed;
    let error = CliError::new("the SSH session failed")
        .caused_by(error)
        .code(SSH_FAULT);
    if closed {
        Ended::Lost(error)
    } else {
        Ended::Failed(error)
    }
}

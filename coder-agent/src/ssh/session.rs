use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::process::Command;

use super::command::{command, working_directory};
use super::container::ContainerTarget;
use super::exit::Exit;
use super::output::{Output, Stream};
use super::private_folder::PrivateFolder;
use super::registry::ServedChannel;
use super::server::ServerState;
use super::setup::SessionSetup;
use super::x11::{Display, authority};
use super::{Environment, Program, exec, greeting, pty};

/// Runs a program for a session and sees its channel to the end.
pub(super) async fn run(
    server: Arc<ServerState>,
    channel: ServedChannel,
    setup: SessionSetup,
    program: Program,
) {
    let settings = server.settings();
    let (mut environment, directory) = place(&server, &setup.environment);
    if let Some(agent) = &setup.agent {
        environment.insert("SSH_AUTH_SOCK".into(), agent.into());
    }
    // Kept until the program has ended.
    let _authority = match &setup.display {
        Some(display) => show(display, &server, &mut environment).await,
        None => None,
    };
    let target = match ContainerTarget::of(&setup.environment, &environment) {
        Ok(target) => target,
        Err(error) => return give_up(channel, &error).await,
    };
    let line = |environment: &Environment, terminal: bool| match &target {
        None => command(&program, &server.user, &directory, environment),
        Some(target) => target.command(&program, terminal, environment, &setup.environment),
    };

    match &setup.terminal {
        None => {
            exec::run(line(&environment, false), channel, &server.closing).await;
        }
        Some(request) => {
            let build = |variables: Vec<(&str, OsString)>| -> Command {
                let variables = variables
                    .into_iter()
                    .map(|(name, value)| (name.into(), value));
                environment.extend(variables);
                line(&environment, true)
            };
            let greeting = match program {
                Program::LoginShell if target.is_none() => {
                    greeting::text(&settings, &server.user).await
                }
                Program::LoginShell | Program::Command(_) => Bytes::new(),
            };
            pty::run(request, build, greeting, channel, &server.closing).await;
        }
    }
}

/// Ends a session whose program cannot be started.
async fn give_up(channel: ServedChannel, error: &io::Error) {
    tokio::select! {
        () = fail(&channel.output, error) => {}
        () = channel.closed.cancelled() => {}
    }
}

/// The environment of a session and where it begins; `client` is what the client set.
pub(super) fn place(server: &ServerState, client: &Environment) -> (Environment, PathBuf) {
    let settings = server.settings();
    let mut environment =
        settings
            .environment
            .resolve(&server.process_environment, &server.user, client);
    // Fixed texts of the right shape: clients come through a tunnel and have no address here.
    environment.insert("SSH_CLIENT".into(), "0.0.0.0 0 0".into());
    environment.insert("SSH_CONNECTION".into(), "0.0.0.0 0 0.0.0.0 0".into());
    let directory = working_directory(&settings.directory, &server.user, &environment);
    (environment, directory)
}

/// Lets programs use a display.
async fn show(
    display: &Display,
    server: &ServerState,
    environment: &mut Environment,
) -> Option<PrivateFolder> {
    environment.insert("DISPLAY".into(), display.name().into());
    let usual = match environment.get(OsStr::new("XAUTHORITY")) {
        Some(file) => file.into(),
        None => server.user.home.join(".Xauthority"),
    };
    let authorized = display.authorize(usual, server.temporary_folders()).await;
    match authorized {
        Ok(Some(folder)) => {
            environment.insert("XAUTHORITY".into(), authority(&folder).into());
            Some(folder)
        }
        Ok(None) => None,
        Err(error) => {
            tracing::warn!(%error, "programs will not be allowed to use the X11 display");
            None
        }
    }
}

/// Ends a session that is not allowed, with a message.
pub(super) async fn refuse(channel: ServedChannel, message: &'static str, exit: Exit) {
    let tell = async {
        let message = Bytes::from_static(message.as_bytes());
        channel.output.send(Stream::Stderr, message).await?;
        channel.output.exit(exit).await
    };
    tokio::select! {
        // There is nobody left to tell if this fails.
        _ = tell => {}
        () = channel.closed.cancelled() => {}
    }
}

/// Tells the client that its program could not be started.
pub(super) async fn fail(output: &Output, error: &io::Error) {
    tracing::warn!(%error, "an SSH session could not start its program");
    let text = format!("coder: the program could not be started: {error}\r\n");
    if output.send(Stream::Stderr, Bytes::from(text)).await.is_ok() {
        // There is nobody left to tell if this fails.
        drop(output.exit(Exit::FAILED).await);
    }
}

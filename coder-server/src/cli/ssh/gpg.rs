//! `--forward-gpg`: the workspace signs and decrypts with this side's GnuPG agent, which keeps its keys.
//!
//! The workspace gets the public keys and what they are trusted with, and a socket that leads to the agent's restricted
//! one (`agent-extra-socket`), through which no key can be exported.

use crate::cli::error::{CliError, CliResult};
use coder_agent::ssh_client::{SessionRequest, SshClient, Streams, TerminalSize};
use std::{collections::BTreeMap, io, io::Cursor, path::PathBuf, process::Stdio};
use tokio::{process::Command, sync::watch, task::JoinSet};

/// Takes the keys, and says where the agent's socket has to be. An agent of the workspace's own is in the way.
const PREPARE: &str = "command -v gpg >/dev/null || { echo gpg is missing: add GnuPG to the image of the workspace >&2; exit 127; }; \
     gpg --batch --quiet --import; gpgconf --kill gpg-agent; \
     socket=$(gpgconf --list-dirs agent-socket) && mkdir -p \"${socket%/*}\" && rm -f \"$socket\" && printf %s \"$socket\"";
const TRUST: &str = "gpg --batch --quiet --import-ownertrust";

/// More than the public keys of anybody, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// More than a script prints, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Lends this side's GnuPG agent, until the answer is dropped.
///
/// # Errors
/// When GnuPG is missing on either side.
pub(super) async fn begin(
    ssh: &SshClient,
    environment: &BTreeMap<String, String>,
) -> CliResult<JoinSet<()>> {
    // First, since GnuPG makes its folder then, without which no agent starts.
    let keys = local("gpg", &["--batch", "--export"]).await?;
    if keys.is_empty() {
        return Err(CliError::new("there are no GnuPG keys here to lend")
            .hint("make one with: gpg --quick-generate-key <your address>"));
    }
    local("gpgconf", &["--launch", "gpg-agent"]).await?;
    let agent = local("gpgconf", &["--list-dirs", "agent-extra-socket"]).await?;
    let agent = PathBuf::from(text(&agent));
    let socket = remote(ssh, environment, PREPARE, &keys).await?;
    let trust = local("gpg", &["--batch", "--export-ownertrust"]).await?;
    remote(ssh, environment, TRUST, &trust).await?;
    let mut listener = ssh.listen_unix(&socket).await.map_err(|error| {
        CliError::new("the workspace cannot get the GnuPG agent").caused_by(error)
    })?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        listener.forward_to_unix(&agent).await;
    });
    Ok(tasks)
}

/// What a program of this side prints.
async fn local(program: &str, arguments: &[&str]) -> CliResult<Vec<u8>> {
    let failed = || CliError::new(format!("{program} {} failed", arguments.join(" ")));
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| failed().caused_by(error).hint("install GnuPG on this side"))?;
    if !output.status.success() {
        return Err(failed().caused_by(io::Error::other(text(&output.stderr))));
    }
    if output.stdout.len() > MAX_BYTES {
        return Err(failed().caused_by(io::Error::other("it printed too much")));
    }
    Ok(output.stdout)
}

/// What a script prints in the workspace.
async fn remote(
    ssh: &SshClient,
    environment: &BTreeMap<String, String>,
    script: &str,
    input: &[u8],
) -> CliResult<String> {
    let failed = || CliError::new("the workspace cannot use a GnuPG agent");
    let request = SessionRequest {
        // Whatever shell the user has.
        command: Some(format!("exec sh -c '{script}'")),
        environment: environment.clone(),
        ..SessionRequest::default()
    };
    let room = || Cursor::new(vec![0; MAX_ANSWER].into_boxed_slice());
    let (mut stdout, mut stderr) = (room(), room());
    let streams = Streams {
        stdin: input,
        stdout: &mut stdout,
        stderr: &mut stderr,
    };
    let (_size, sizes) = watch::channel(TerminalSize::default());
    let status = ssh.run(request, streams, sizes).await;
    let status = status.map_err(|error| failed().caused_by(error))?;
    if status != 0 {
        return Err(failed().caused_by(io::Error::other(text(written(&stderr)))));
    }
    Ok(text(written(&stdout)))
}

fn written(room: &Cursor<Box<[u8]>>) -> &[u8] {
    let length = usize::try_from(room.position()).unwrap_or_default();
    room.get_ref().get(..length).unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

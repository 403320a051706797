//! `coder state pull`.

use crate::cli::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::error_line,
    workspace,
};
use std::{
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Flags of `coder state pull`.
#[derive(clap::Args)]
pub(crate) struct PullArgs {
    /// The workspace.
    workspace: String,
    /// Where to write it instead of standard output.
    file: Option<PathBuf>,
    /// The build; 0 for the newest.
    #[arg(short, long, default_value_t = 0)]
    build: i32,
}

/// Writes the state of a build to a file or standard output. It holds secrets of the template.
pub(crate) async fn run(global: &GlobalArgs, args: PullArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let workspace = workspace::find_by_text(&client, &args.workspace).await?;
    let build = super::build(&client, &workspace, args.build).await?;
    let path = format!("api/v2/workspacebuilds/{}/state", build.id);
    let state = client.bytes(&path).await?;
    match &args.file {
        None => {
            let mut out = std::io::stdout().lock();
            out.write_all(&state)?;
            out.flush()?;
        }
        Some(file) => {
            write(file, &state).map_err(|error| {
                let message = format!("{} cannot be written", file.display());
                CliError::new(message).caused_by(error)
            })?;
            error_line(&format!(
                "The state of build {} is in {}.",
                build.build_number,
                file.display()
            ));
        }
    }
    Ok(())
}

/// Writes a file that others cannot read.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(file)?.write_all(bytes)
}

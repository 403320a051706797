//! `coder state push`.

use crate::cli::{
    builds,
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{error_line, printable},
    workspace,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::json;
use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

/// Flags of `coder state push`.
#[derive(clap::Args)]
pub(crate) struct PushArgs {
    /// The workspace.
    workspace: String,
    /// The file with the state; `-` for standard input.
    file: PathBuf,
    /// The build whose template version and direction are taken, and whose state is replaced with
    /// `--no-build`; 0 for the newest.
    #[arg(short, long, default_value_t = 0)]
    build: i32,
    /// Replace the stored state and build nothing.
    #[arg(short, long)]
    no_build: bool,
}

/// Uploads a state. Without `--no-build` a new build begins from it.
pub(crate) async fn run(global: &GlobalArgs, args: PushArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let workspace = workspace::find_by_text(&client, &args.workspace).await?;
    let build = super::build(&client, &workspace, args.build).await?;
    let state = STANDARD.encode(read(&args.file)?);
    let name = printable(&workspace.full_name());
    if args.no_build {
        let path = format!("api/v2/workspacebuilds/{}/state", build.id);
        let body = json!({ "state": state });
        client.send(Method::PUT, &path, Some(&body)).await?;
        let number = build.build_number;
        error_line(&format!(
            "The state of build {number} of {name} has been replaced."
        ));
        return Ok(());
    }
    let body = json!({
        "transition": build.transition,
        "template_version_id": build.template_version_id,
        "state": state,
        "reason": "cli",
    });
    builds::build(&client, &workspace, &body, false).await?;
    error_line(&format!(
        "The workspace {name} has been built from that state."
    ));
    Ok(())
}

fn read(file: &Path) -> CliResult<Vec<u8>> {
    let read = if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let failed = |error: std::io::Error| {
        CliError::new(format!("{} cannot be read", file.display())).caused_by(error)
    };
    read.map_err(failed)
}

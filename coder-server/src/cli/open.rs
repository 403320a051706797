//! `coder open`: things of a workspace on this machine's desktop.

use super::{
    client::Client,
    error::CliResult,
    global::GlobalArgs,
    output::{error_line, line},
    reach::{Reached, Wait, Wish, reach},
    workspace::WorkspaceName,
};
use std::{
    path::Path,
    process::{Command, Stdio},
};
use url::Url;

/// What to open.
#[derive(clap::Subcommand)]
pub(crate) enum OpenCommand {
    /// Open a workspace in VS Code, which needs the extension "Coder Remote".
    #[command(name = "vscode")]
    VsCode(VsCodeArgs),
}

/// Flags of `coder open vscode`.
#[derive(clap::Args)]
pub(crate) struct VsCodeArgs {
    /// The workspace.
    workspace: String,
    /// The folder to open, below the agent's own one unless it is absolute.
    directory: Option<String>,
    /// Show the address and open nothing.
    #[arg(long)]
    print: bool,
}

/// Opens it.
pub(crate) async fn run(global: &GlobalArgs, command: OpenCommand) -> CliResult {
    let OpenCommand::VsCode(args) = command;
    let client = Client::signed_in(global)?;
    let name = WorkspaceName::parse(&args.workspace)?;
    let wish = Wish {
        autostart: true,
        wait: Wait::No,
    };
    let reached = reach(&client, &name, wish).await?;
    let address = vscode(&client.url, &reached, args.directory.as_deref());
    if !args.print && opened(&address) {
        return Ok(());
    }
    if !args.print {
        error_line("Nothing here opens this; where VS Code is, open:");
    }
    line(address.as_str())
}

/// The address that the extension is called by. It holds no token: the extension asks for a login.
fn vscode(server: &Url, reached: &Reached, directory: Option<&str>) -> String {
    let own = Path::new(&reached.agent.expanded_directory);
    let folder = match directory {
        Some(directory) => own.join(directory),
        None => own.to_owned(),
    };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("owner", &reached.workspace.owner_name)
        .append_pair("workspace", &reached.workspace.name)
        .append_pair("agent", &reached.agent.name)
        .append_pair("url", server.as_str().trim_end_matches('/'));
    if folder.is_absolute() {
        query.append_pair("folder", &folder.to_string_lossy());
    }
    format!("vscode://coder.coder-remote/open?{}", query.finish())
}

/// Whether the desktop took it.
fn opened(address: &str) -> bool {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let mut command = Command::new(program);
    command
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_names_the_workspace_and_no_secret() {
        let workspace = serde_json::from_value(serde_json::json!({
            "id": "w", "name": "dev", "owner_name": "ann", "template_name": "t",
            "template_active_version_id": "v", "outdated": false, "health": { "healthy": true },
            "last_used_at": "2026-01-01T00:00:00Z",
            "latest_build": {
                "id": "b", "build_number": 1, "status": "running", "transition": "start",
                "job": { "status": "succeeded" }, "template_version_id": "v",
            },
        }))
        .expect("a workspace");
        let agent = serde_json::from_value(serde_json::json!({
            "id": "a", "name": "main", "status": "connected", "lifecycle_state": "ready",
            "operating_system": "linux", "architecture": "amd64", "expanded_directory": "/home/ann",
        }))
        .expect("an agent");
        let reached = Reached { workspace, agent };
        let server = Url::parse("https://coder.example/").expect("a URL");
        let common = "vscode://coder.coder-remote/open?owner=ann&workspace=dev&agent=main\
                      &url=https%3A%2F%2Fcoder.example";
        for (directory, folder) in [
            (None, "&folder=%2Fhome%2Fann"),
            (Some("a b"), "&folder=%2Fhome%2Fann%2Fa+b"),
            (Some("/srv"), "&folder=%2Fsrv"),
        ] {
            let address = vscode(&server, &reached, directory);
            assert_eq!(address, format!("{common}{folder}"));
        }
    }
}

//! Makes the section and puts it into the file.

use super::{
    args::{ConfigSshArgs, SectionArgs},
    file,
    openssh::accepts_new_keys,
    previous::{recall, remembered},
    section::{Facts, SshConfig, prefix, section, written},
};
use crate::cli::{
    client::Client,
    config_dir::ConfigDir,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{ask, confirm, error_line, line, printable},
    ssh::KNOWN_HOSTS_FILE,
    types::Workspace,
};
use std::path::PathBuf;

/// Writes the section.
pub(crate) async fn run(global: &GlobalArgs, args: ConfigSshArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let server: SshConfig = client.get("api/v2/deployment/ssh").await?;
    let path = match &args.ssh_config_file {
        Some(file) => file.clone(),
        None => home()?.join(".ssh").join("config"),
    };
    let before = file::read(&path)?;
    let (_, old, _) = file::split(&before)?;
    let options = chosen(&args, old)?;
    let workspaces = match options.no_wildcard {
        true => Some(workspaces(&client).await?),
        false => None,
    };
    let section = section(&options, &facts(global, &args, &server, workspaces)?)?;
    let after = file::replaced(&before, &section)?;
    if args.dry_run {
        return line(section.trim_end());
    }
    if after == before {
        error_line("The SSH configuration is up to date.");
    } else {
        let question = format!("Write the section for workspaces into {}?", path.display());
        confirm(&question, args.yes)?;
        file::write(&path, &after)?;
        error_line(&format!("Written into {}.", path.display()));
    }
    let prefix = prefix(&options, &server);
    error_line(&format!("Connect with: ssh {prefix}<workspace>"));
    Ok(())
}

/// The options of the last run, where the user wants them, or those given now.
fn chosen(args: &ConfigSshArgs, old: Option<&str>) -> CliResult<SectionArgs> {
    let Some(previous) = old.map(recall) else {
        return Ok(args.section.clone());
    };
    if args.use_previous_options {
        return Ok(previous);
    }
    let differ = previous != SectionArgs::default() && previous != args.section;
    if differ && !args.yes && !args.dry_run {
        error_line("The section was written with other options before:");
        for option in remembered(&previous).iter().skip(1) {
            error_line(&printable(&option.replacen("# :", "    --", 1)));
        }
        let answer = ask("Keep those? (yes/no)")?;
        if matches!(answer.as_deref().map(str::trim), Some("y" | "Y" | "yes")) {
            return Ok(previous);
        }
    }
    Ok(args.section.clone())
}

fn facts<'a>(
    global: &GlobalArgs,
    args: &ConfigSshArgs,
    server: &'a SshConfig,
    workspaces: Option<Vec<Workspace>>,
) -> CliResult<Facts<'a>> {
    let unix = args.force_unix_filepaths;
    let binary = match &args.coder_binary_path {
        Some(path) => path.clone(),
        None => std::env::current_exe()?,
    };
    let mut flags = global.to_write_down()?;
    for (flag, value) in &mut flags {
        if *flag != "--header-command" {
            *value = written(value, unix);
        }
    }
    if global.has_headers() {
        error_line(
            "Headers are not written into the file: set CODER_HEADER, or use --header-command.",
        );
    }
    let known_hosts = ConfigDir::new(global.global_config.as_deref())?;
    let known_hosts = std::path::absolute(known_hosts.path().join(KNOWN_HOSTS_FILE))?;
    Ok(Facts {
        binary: written(&binary.to_string_lossy(), unix),
        flags,
        known_hosts: written(&known_hosts.to_string_lossy(), unix),
        accepts_new_keys: accepts_new_keys(),
        server,
        workspaces,
    })
}

async fn workspaces(client: &Client) -> CliResult<Vec<Workspace>> {
    #[derive(serde::Deserialize)]
    struct Page {
        workspaces: Vec<Workspace>,
    }
    let page: Page = client.get("api/v2/workspaces?q=owner:me").await?;
    Ok(page.workspaces)
}

fn home() -> CliResult<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    home.map(PathBuf::from)
        .ok_or_else(|| CliError::new("no home directory is known").hint("Pass --ssh-config-file."))
}

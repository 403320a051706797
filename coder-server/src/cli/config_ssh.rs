//! `coder config-ssh`: lets a stock OpenSSH client reach every workspace by name.

use super::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{confirm, error_line, line},
};
use std::{
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

const BEGIN: &str = "# ------------START-CODER-----------";
const END: &str = "# ------------END-CODER------------";

/// Flags of `coder config-ssh`.
#[derive(clap::Args)]
pub(crate) struct ConfigSshArgs {
    /// The SSH configuration, `~/.ssh/config` by default.
    #[arg(long, env = "CODER_SSH_CONFIG_FILE")]
    ssh_config_file: Option<PathBuf>,
    /// The binary that the configuration calls, this one by default.
    #[arg(long, env = "CODER_SSH_CONFIG_BINARY_PATH")]
    coder_binary_path: Option<PathBuf>,
    /// Option to add, `Name=value`.
    #[arg(
        short = 'o',
        long,
        env = "CODER_SSH_CONFIG_OPTS",
        value_name = "NAME=VALUE"
    )]
    ssh_option: Vec<String>,
    /// Show the section and write nothing.
    #[arg(short = 'n', long, env = "CODER_SSH_DRY_RUN")]
    dry_run: bool,
    /// Prefix of host names.
    #[arg(long, env = "CODER_CONFIGSSH_SSH_HOST_PREFIX")]
    ssh_host_prefix: Option<String>,
    /// Suffix of host names.
    #[arg(long, env = "CODER_CONFIGSSH_HOSTNAME_SUFFIX")]
    hostname_suffix: Option<String>,
    /// Whether connections wait for start scripts.
    #[arg(long, env = "CODER_CONFIGSSH_WAIT", default_value = "auto", value_parser = ["yes", "no", "auto"])]
    wait: String,
    /// Do not start stopped workspaces.
    #[arg(long, env = "CODER_CONFIGSSH_DISABLE_AUTOSTART")]
    disable_autostart: bool,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

#[derive(serde::Deserialize)]
struct SshConfig {
    hostname_prefix: String,
    hostname_suffix: String,
    #[serde(default)]
    ssh_config_options: std::collections::BTreeMap<String, String>,
}

/// Writes the section.
pub(crate) async fn run(global: &GlobalArgs, args: ConfigSshArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let server: SshConfig = client.get("api/v2/deployment/ssh").await?;
    let file = match &args.ssh_config_file {
        Some(file) => file.clone(),
        None => home()?.join(".ssh").join("config"),
    };
    let before = match std::fs::read_to_string(&file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.map_err(|error| {
            CliError::new(format!("{} cannot be read", file.display())).caused_by(error)
        })?,
    };
    let section = section(global, &args, &server)?;
    let after = replaced(&before, &section)?;
    if args.dry_run {
        return line(section.trim_end());
    }
    if after == before {
        error_line("The SSH configuration is up to date.");
        return Ok(());
    }
    confirm(
        &format!("Write the section for workspaces into {}?", file.display()),
        args.yes,
    )?;
    write(&file, &after)?;
    let prefix = args
        .ssh_host_prefix
        .as_ref()
        .unwrap_or(&server.hostname_prefix);
    error_line(&format!("Written. Connect with: ssh {prefix}<workspace>"));
    Ok(())
}

fn home() -> CliResult<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    home.map(PathBuf::from)
        .ok_or_else(|| CliError::new("no home directory is known").hint("Pass --ssh-config-file."))
}

fn section(global: &GlobalArgs, args: &ConfigSshArgs, server: &SshConfig) -> CliResult<String> {
    let binary = match &args.coder_binary_path {
        Some(path) => path.clone(),
        None => std::env::current_exe()?,
    };
    let mut command = quoted(&binary.to_string_lossy())?;
    if let Some(folder) = &global.global_config {
        let folder = std::path::absolute(folder)?;
        command.push_str(&format!(
            " --global-config {}",
            quoted(&folder.to_string_lossy())?
        ));
    }
    command.push_str(&format!(" ssh --stdio --wait {}", args.wait));
    if args.disable_autostart {
        command.push_str(" --disable-autostart");
    }
    let prefix = args
        .ssh_host_prefix
        .as_ref()
        .unwrap_or(&server.hostname_prefix);
    let suffix = args
        .hostname_suffix
        .as_ref()
        .unwrap_or(&server.hostname_suffix);
    let mut options = vec![
        "ConnectTimeout 0".to_owned(),
        // The tunnel has authenticated the workspace already, and each rebuild may be another machine.
        "StrictHostKeyChecking no".to_owned(),
        "UserKnownHostsFile /dev/null".to_owned(),
        "LogLevel ERROR".to_owned(),
        "Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com"
            .to_owned(),
    ];
    for option in &args.ssh_option {
        let (name, value) = option
            .split_once(['=', ' '])
            .ok_or_else(|| CliError::new(format!("{option:?} is not of the form Name=value")))?;
        options.push(option_line(name, value)?);
    }
    for (name, value) in &server.ssh_config_options {
        options.push(option_line(name, value)?);
    }
    let mut text = format!(
        "{BEGIN}\n# Written by coder config-ssh, which replaces everything between these two lines.\n"
    );
    for (host, flag, value) in [
        (format!("{prefix}*"), "--ssh-host-prefix", prefix),
        (format!("*.{suffix}"), "--hostname-suffix", suffix),
    ] {
        if value.is_empty() {
            continue;
        }
        if !value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        {
            return Err(CliError::new(format!(
                "{value:?} cannot be part of a host name"
            )));
        }
        text.push_str(&format!("\nHost {host}\n"));
        for option in &options {
            text.push_str(&format!("\t{option}\n"));
        }
        text.push_str(&format!("\tProxyCommand {command} {flag} {value} %h\n"));
    }
    text.push_str(&format!("\n{END}\n"));
    Ok(text)
}

fn option_line(name: &str, value: &str) -> CliResult<String> {
    let (name, value) = (name.trim(), value.trim());
    let valid_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
    if !valid_name || value.chars().any(char::is_control) {
        return Err(CliError::new(format!(
            "the SSH option {name:?} is not valid"
        )));
    }
    Ok(format!("{name} {value}"))
}

/// A word of a ProxyCommand, which the user's shell reads after ssh has replaced `%` sequences.
fn quoted(word: &str) -> CliResult<String> {
    if word.chars().any(char::is_control) {
        return Err(CliError::new(format!(
            "{word:?} cannot be written into an SSH configuration"
        )));
    }
    Ok(format!(
        "'{}'",
        word.replace('\'', r"'\''").replace('%', "%%")
    ))
}

/// The text with the section in place of the old one, or at the end.
fn replaced(before: &str, section: &str) -> CliResult<String> {
    let begin = before.lines().filter(|line| line.trim() == BEGIN).count();
    let end = before.lines().filter(|line| line.trim() == END).count();
    let broken = || {
        CliError::new("the SSH configuration holds a broken section").hint(format!(
            "Remove the lines {BEGIN:?} and {END:?} and what is between them."
        ))
    };
    match (begin, end) {
        (0, 0) => {
            let gap = if before.is_empty() || before.ends_with("\n\n") {
                ""
            } else {
                "\n"
            };
            let newline = if before.is_empty() || before.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            Ok(format!("{before}{newline}{gap}{section}"))
        }
        (1, 1) => {
            let (head, rest) = before.split_once(BEGIN).ok_or_else(broken)?;
            let (_, tail) = rest.split_once(END).ok_or_else(broken)?;
            Ok(format!(
                "{head}{section}{}",
                tail.strip_prefix('\n').unwrap_or(tail)
            ))
        }
        _ => Err(broken()),
    }
}

/// Replaces the file in one step, so that a full disk leaves the old one. Links are followed.
fn write(file: &Path, text: &str) -> CliResult {
    let failed =
        |error| CliError::new(format!("{} cannot be written", file.display())).caused_by(error);
    let target = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let temporary = folder.join(format!(".coder-ssh-config.{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    let opened = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary);
    let written = opened.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written
        .and_then(|()| std::fs::rename(&temporary, &target))
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_added_once_and_replaced() {
        let section = format!("{BEGIN}\nnew\n{END}\n");
        let added = replaced("Host a\n\tUser x", &section).expect("added");
        assert_eq!(added, format!("Host a\n\tUser x\n\n{section}"));
        assert_eq!(replaced(&added, &section).expect("same"), added);
        let old = format!("Host a\n{BEGIN}\nold\n{END}\nHost b\n");
        assert_eq!(
            replaced(&old, &section).expect("replaced"),
            format!("Host a\n{section}Host b\n")
        );
        replaced(&format!("{BEGIN}\n"), &section).expect_err("no end");
    }

    #[test]
    fn words_survive_the_shell_and_ssh() {
        assert_eq!(
            quoted("/a b/c'd%h$(id)").expect("quoted"),
            r"'/a b/c'\''d%%h$(id)'"
        );
        quoted("a\nHost *").expect_err("a line of its own");
        option_line("ProxyCommand\nHost", "x").expect_err("a line of its own");
        option_line("User", "x\ny").expect_err("a line of its own");
    }
}

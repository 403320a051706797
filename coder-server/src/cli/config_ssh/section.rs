//! The text of the section.

use super::{
    args::SectionArgs,
    file::{BEGIN, END},
    options::{from_server, given, part_of_host, quoted},
    previous::remembered,
};
use crate::cli::{error::CliResult, output::error_line, types::Workspace};
use clap::ValueEnum as _;
use std::collections::BTreeMap;

/// What the server says about SSH.
#[derive(serde::Deserialize)]
pub(super) struct SshConfig {
    pub(super) hostname_prefix: String,
    pub(super) hostname_suffix: String,
    #[serde(default)]
    ssh_config_options: BTreeMap<String, String>,
}

/// What the section is made of beside its options.
pub(super) struct Facts<'a> {
    /// The command line's own binary.
    pub(super) binary: String,
    /// Flags of all commands that it needs.
    pub(super) flags: Vec<(&'static str, String)>,
    /// Where OpenSSH finds host keys.
    pub(super) known_hosts: String,
    /// Whether the OpenSSH client knows `accept-new`.
    pub(super) accepts_new_keys: bool,
    pub(super) server: &'a SshConfig,
    /// Every workspace of the user, unless one pattern stands for all.
    pub(super) workspaces: Option<Vec<Workspace>>,
}

/// The section's text.
pub(super) fn section(args: &SectionArgs, facts: &Facts) -> CliResult<String> {
    let prefix = part_of_host(prefix(args, facts.server))?;
    let suffix = part_of_host(suffix(args, facts.server))?;
    let mut text = format!(
        "{BEGIN}\n# Written by coder config-ssh, which replaces everything between these two lines.\n"
    );
    for line in remembered(args) {
        text.push_str(&format!("{line}\n"));
    }
    let (options, command) = (options(args, facts)?, command(args, facts)?);
    for (names, flags) in hosts(facts.workspaces.as_deref(), prefix, suffix) {
        text.push_str(&format!("\nHost {names}\n"));
        for option in &options {
            text.push_str(&format!("\t{option}\n"));
        }
        text.push_str(&format!("\tProxyCommand {command}{flags} '%h'\n"));
    }
    text.push_str(&format!("\n{END}\n"));
    Ok(text)
}

/// The prefix of host names.
pub(super) fn prefix<'a>(args: &'a SectionArgs, server: &'a SshConfig) -> &'a str {
    let given = args.ssh_host_prefix.as_ref();
    given.unwrap_or(&server.hostname_prefix)
}

fn suffix<'a>(args: &'a SectionArgs, server: &'a SshConfig) -> &'a str {
    let given = args.hostname_suffix.as_ref();
    given.unwrap_or(&server.hostname_suffix)
}

/// Patterns or names of hosts, and the flags with which they are called.
fn hosts(workspaces: Option<&[Workspace]>, prefix: &str, suffix: &str) -> Vec<(String, String)> {
    let prefix_flag = format!(" --ssh-host-prefix {prefix}");
    let suffix_flag = format!(" --hostname-suffix {suffix}");
    let Some(workspaces) = workspaces else {
        let patterns = [
            (prefix, format!("{prefix}*"), prefix_flag),
            (suffix, format!("*.{suffix}"), suffix_flag),
        ];
        let used = patterns.into_iter().filter(|(part, ..)| !part.is_empty());
        return used.map(|(_, pattern, flag)| (pattern, flag)).collect();
    };
    let mut hosts = Vec::new();
    for workspace in workspaces {
        let mut names = Vec::new();
        let agents: Vec<&str> = workspace.agents().map(|agent| &*agent.name).collect();
        let valid = coder_core::name::check_name("name", &workspace.name).is_ok()
            && agents
                .iter()
                .all(|name| coder_core::name::is_agent_name(name));
        if !valid {
            error_line(&format!(
                "warning: {:?} is left out, it is no name",
                workspace.name
            ));
            continue;
        }
        let with_agents = agents.iter().filter(|_| agents.len() > 1);
        if !prefix.is_empty() {
            names.push(format!("{prefix}{}", workspace.name));
            names.extend(
                with_agents
                    .clone()
                    .map(|agent| format!("{prefix}{}.{agent}", workspace.name)),
            );
        }
        if !suffix.is_empty() {
            names.push(format!("{}.{suffix}", workspace.name));
            names.extend(with_agents.map(|agent| format!("{agent}.{}.{suffix}", workspace.name)));
        }
        if !names.is_empty() {
            let prefix_flag = if prefix.is_empty() { "" } else { &prefix_flag };
            let suffix_flag = if suffix.is_empty() { "" } else { &suffix_flag };
            hosts.push((names.join(" "), format!("{prefix_flag}{suffix_flag}")));
        }
    }
    hosts
}

/// The options of a host. OpenSSH takes the first of each name: the user's count most, ours least.
fn options(args: &SectionArgs, facts: &Facts) -> CliResult<Vec<String>> {
    let mut options = Vec::new();
    for option in &args.ssh_option {
        options.push(given(option)?);
    }
    for (name, value) in &facts.server.ssh_config_options {
        options.push(from_server(name, value)?);
    }
    options.push("ConnectTimeout 0".to_owned());
    if let Some(file) = pinned(facts) {
        // The server vouches for the key, and the ProxyCommand writes it down before OpenSSH looks. Agents whose
        // key no server knows are trusted as the server's connection to them is.
        let unknown = match facts.accepts_new_keys {
            true => "accept-new",
            false => "no",
        };
        options.push(format!("StrictHostKeyChecking {unknown}"));
        options.push(format!("UserKnownHostsFile \"{file}\""));
        options.push("HashKnownHosts no".to_owned());
        options.push("UpdateHostKeys no".to_owned());
    } else {
        // The tunnel has authenticated the workspace already.
        options.push("StrictHostKeyChecking no".to_owned());
        options.push("UserKnownHostsFile /dev/null".to_owned());
        options.push("LogLevel ERROR".to_owned());
    }
    options.push(
        "Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com"
            .to_owned(),
    );
    Ok(options)
}

/// The file with host keys, unless OpenSSH would read its name as something else.
fn pinned<'a>(facts: &'a Facts) -> Option<&'a str> {
    let plain = |c: char| !c.is_control() && !matches!(c, '"' | '%' | '$' | '\\' | '\'');
    let file = facts.known_hosts.as_str();
    file.chars().all(plain).then_some(file)
}

fn command(args: &SectionArgs, facts: &Facts) -> CliResult<String> {
    let mut command = quoted(&facts.binary)?;
    for (flag, value) in &facts.flags {
        command.push_str(&format!(" {flag} {}", quoted(value)?));
    }
    command.push_str(" ssh --stdio");
    if let Some(wait) = args.wait.to_possible_value() {
        command.push_str(&format!(" --wait {}", wait.get_name()));
    }
    if args.disable_autostart {
        command.push_str(" --disable-autostart");
    }
    if let Some(file) = pinned(facts) {
        command.push_str(&format!(" --known-hosts-file {}", quoted(file)?));
    }
    Ok(command)
}

/// A path as it is written.
pub(super) fn written(path: &str, unix: bool) -> String {
    if unix {
        path.replace('\\', "/")
    } else {
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = r#"{"hostname_prefix":"coder.","hostname_suffix":"coder",
        "ssh_config_options":{"User":"dev"}}"#;

    fn made(args: &SectionArgs, change: impl FnOnce(&mut Facts)) -> CliResult<String> {
        let server: SshConfig = serde_json::from_str(SERVER).expect("JSON");
        let mut facts = Facts {
            binary: "/usr/bin/coder".to_owned(),
            flags: vec![("--header-command", "echo X='50%'".to_owned())],
            known_hosts: "/home/ann lee/known".to_owned(),
            accepts_new_keys: true,
            server: &server,
            workspaces: None,
        };
        change(&mut facts);
        section(args, &facts)
    }

    fn workspace(name: &str, agents: &[&str]) -> Workspace {
        let agents = agents.iter().map(|name| {
            serde_json::json!({
                "id": "a", "name": name, "status": "connected", "lifecycle_state": "ready",
                "operating_system": "linux", "architecture": "amd64",
            })
        });
        serde_json::from_value(serde_json::json!({
            "id": "w", "name": name, "owner_name": "ann", "template_name": "t",
            "template_active_version_id": "v", "outdated": false, "health": { "healthy": true },
            "last_used_at": "2026-01-01T00:00:00Z",
            "latest_build": {
                "id": "b", "build_number": 1, "status": "running", "transition": "start",
                "job": { "status": "succeeded" }, "template_version_id": "v",
                "resources": [{ "type": "x", "name": "y", "agents": agents.collect::<Vec<_>>() }],
            },
        }))
        .expect("a workspace")
    }

    #[test]
    fn the_users_options_count_most() {
        let args = SectionArgs {
            ssh_option: vec!["StrictHostKeyChecking=yes".to_owned()],
            ..SectionArgs::default()
        };
        let text = made(&args, |_| {}).expect("made");
        let at = |line: &str| {
            text.find(line)
                .unwrap_or_else(|| panic!("{line} in {text}"))
        };
        assert!(at("StrictHostKeyChecking yes") < at("\tUser dev"));
        assert!(at("\tUser dev") < at("StrictHostKeyChecking accept-new"));
        assert!(text.contains("Host coder.*\n") && text.contains("Host *.coder\n"));
        assert!(text.contains("# :ssh-option=StrictHostKeyChecking=yes\n"));
        assert!(text.contains(
            "ProxyCommand '/usr/bin/coder' --header-command 'echo X='\\''50%%'\\''' ssh --stdio --wait auto --known-hosts-file \
             '/home/ann lee/known' --ssh-host-prefix coder. '%h'\n"
        ));
    }

    #[test]
    fn old_clients_and_odd_folders_get_what_they_understand() {
        let args = SectionArgs::default();
        let old = made(&args, |facts| facts.accepts_new_keys = false).expect("made");
        assert!(old.contains("StrictHostKeyChecking no\n") && old.contains("known\"\n"));
        for odd in ["/a%b", "/a\"b", "/${HOME}", "/it's"] {
            let text = made(&args, |facts| facts.known_hosts = odd.to_owned()).expect("made");
            assert!(text.contains("UserKnownHostsFile /dev/null\n"), "{text}");
            assert!(!text.contains("--known-hosts-file"), "{text}");
        }
    }

    #[test]
    fn workspaces_may_have_a_host_each() {
        let args = SectionArgs {
            no_wildcard: true,
            ..SectionArgs::default()
        };
        let text = made(&args, |facts| {
            facts.workspaces = Some(vec![
                workspace("dev", &["main"]),
                workspace("gpu", &["a", "b"]),
                workspace("x\nHost *", &[]),
            ]);
        })
        .expect("made");
        assert!(text.contains("\nHost coder.dev dev.coder\n"), "{text}");
        let several =
            "\nHost coder.gpu coder.gpu.a coder.gpu.b gpu.coder a.gpu.coder b.gpu.coder\n";
        assert!(text.contains(several), "{text}");
        assert!(!text.contains("Host *"), "{text}");
        assert!(text.contains(" --ssh-host-prefix coder. --hostname-suffix coder '%h'\n"));
    }

    #[test]
    fn hostile_parts_are_refused() {
        for part in ["a b", "$(id)", "x\nHost *"] {
            let args = SectionArgs {
                ssh_host_prefix: Some(part.to_owned()),
                ..SectionArgs::default()
            };
            made(&args, |_| {}).expect_err(part);
        }
    }
}

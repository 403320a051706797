//! Lines of an SSH configuration, and words in its commands.

use crate::cli::error::{CliError, CliResult};

/// What a server may not set: it would run programs here, or break out of the section.
const NOT_FROM_SERVERS: &[&str] = &[
    "host",
    "include",
    "knownhostscommand",
    "localcommand",
    "match",
    "permitlocalcommand",
    "pkcs11provider",
    "proxycommand",
    "proxyjump",
    "proxyusefdpass",
    "securitykeyprovider",
    "smartcarddevice",
    "xauthlocation",
];

/// The line of an option given as `Name=value` or `Name value`.
pub(super) fn given(option: &str) -> CliResult<String> {
    let (name, value) = option
        .split_once(['=', ' '])
        .ok_or_else(|| CliError::new(format!("{option:?} is not of the form Name=value")))?;
    let structural = ["host", "match", "include"];
    if structural.contains(&name.trim().to_ascii_lowercase().as_str()) {
        return Err(CliError::new(format!(
            "{} begins a section of its own and is no option",
            name.trim()
        )));
    }
    line(name, value)
}

/// The line of an option that the server wants.
pub(super) fn from_server(name: &str, value: &str) -> CliResult<String> {
    if NOT_FROM_SERVERS.contains(&name.trim().to_ascii_lowercase().as_str()) {
        return Err(CliError::new(format!(
            "the server wants to set the SSH option {:?}, which could run programs on this machine",
            name.trim()
        ))
        .hint("Ask its administrator to take it out of --ssh-config-options."));
    }
    line(name, value)
}

fn line(name: &str, value: &str) -> CliResult<String> {
    let (name, value) = (name.trim(), value.trim());
    let valid_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
    if !valid_name || value.is_empty() || value.chars().any(char::is_control) {
        return Err(CliError::new(format!(
            "the SSH option {name:?} is not valid"
        )));
    }
    Ok(format!("{name} {value}"))
}

/// A word of a ProxyCommand, which the user's shell reads after ssh has replaced `%` sequences.
pub(super) fn quoted(word: &str) -> CliResult<String> {
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

/// A prefix or suffix of host names.
pub(super) fn part_of_host(text: &str) -> CliResult<&str> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    // A leading dash would be read as a flag by what is called with it.
    if text.chars().all(harmless) && !text.starts_with('-') {
        Ok(text)
    } else {
        Err(CliError::new(format!(
            "{text:?} cannot be part of a host name"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell_and_ssh() {
        assert_eq!(
            quoted("/a b/c'd%h$(id)").expect("quoted"),
            r"'/a b/c'\''d%%h$(id)'"
        );
        quoted("a\nHost *").expect_err("a line of its own");
    }

    #[test]
    fn options_stay_in_their_line() {
        assert_eq!(given("ForwardAgent=yes").expect("good"), "ForwardAgent yes");
        assert_eq!(given("User  x=y").expect("good"), "User x=y");
        for text in [
            "ProxyCommand\nHost=x",
            "User=x\ny",
            "User",
            "User=",
            "=x",
            "Host=*",
            "match=all",
        ] {
            given(text).expect_err(text);
        }
    }

    #[test]
    fn a_server_runs_nothing_here() {
        assert_eq!(from_server("User", "dev").expect("good"), "User dev");
        for name in ["ProxyCommand", "LOCALCOMMAND", "Match", " Include", "Us er"] {
            from_server(name, "x").expect_err(name);
        }
    }

    #[test]
    fn parts_of_host_names_are_plain() {
        for good in ["", "coder.", "my-team_1."] {
            part_of_host(good).expect(good);
        }
        for bad in ["a b", "*", "-o", "a;b", "a\n", "$(id)", "!x"] {
            part_of_host(bad).expect_err(bad);
        }
    }
}

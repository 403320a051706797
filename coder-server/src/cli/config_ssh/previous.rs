//! The options of a section, kept in its first lines.

use super::args::SectionArgs;
use crate::cli::reach::Wait;
use clap::ValueEnum as _;

const HEADING: &str = "# Its options, for coder config-ssh --use-previous-options:";
const MARK: &str = "# :";

/// The lines that remember options; none for the defaults.
pub(super) fn remembered(args: &SectionArgs) -> Vec<String> {
    let mut options: Vec<(&str, String)> = Vec::new();
    if args.wait != Wait::default()
        && let Some(value) = args.wait.to_possible_value()
    {
        options.push(("wait", value.get_name().to_owned()));
    }
    let texts = [
        ("ssh-host-prefix", &args.ssh_host_prefix),
        ("hostname-suffix", &args.hostname_suffix),
    ];
    for (name, text) in texts {
        options.extend(text.clone().map(|text| (name, text)));
    }
    let switches = [
        ("disable-autostart", args.disable_autostart),
        ("no-wildcard", args.no_wildcard),
    ];
    for (name, on) in switches {
        options.extend(on.then(|| (name, "true".to_owned())));
    }
    let ssh = args.ssh_option.iter().cloned();
    options.extend(ssh.map(|option| ("ssh-option", option)));
    if options.is_empty() {
        return Vec::new();
    }
    let lines = options
        .into_iter()
        .map(|(name, value)| format!("{MARK}{name}={value}"));
    std::iter::once(HEADING.to_owned()).chain(lines).collect()
}

/// The options that a section remembers.
pub(super) fn recall(section: &str) -> SectionArgs {
    let mut args = SectionArgs::default();
    for line in section.lines() {
        let option = line.trim().strip_prefix(MARK);
        let Some((name, value)) = option.and_then(|option| option.split_once('=')) else {
            continue;
        };
        match name {
            "wait" => args.wait = Wait::from_str(value, true).unwrap_or_default(),
            "ssh-host-prefix" => args.ssh_host_prefix = Some(value.to_owned()),
            "hostname-suffix" => args.hostname_suffix = Some(value.to_owned()),
            "disable-autostart" => args.disable_autostart = value == "true",
            "no-wildcard" => args.no_wildcard = value == "true",
            "ssh-option" => args.ssh_option.push(value.to_owned()),
            // Of a version that knows more.
            _ => {}
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_the_section() {
        assert!(remembered(&SectionArgs::default()).is_empty());
        let args = SectionArgs {
            ssh_option: vec!["ForwardAgent=yes".to_owned(), "User=a=b".to_owned()],
            ssh_host_prefix: Some("dev.".to_owned()),
            hostname_suffix: Some(String::new()),
            wait: Wait::No,
            disable_autostart: true,
            no_wildcard: true,
        };
        let text = remembered(&args).join("\n");
        assert_eq!(recall(&text), args);
        assert_eq!(
            recall("# :unknown=x\n# :wait=perhaps\nHost a\n"),
            SectionArgs::default()
        );
    }
}

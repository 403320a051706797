//! The file in which OpenSSH finds the host keys that the server vouches for.
//!
//! The ProxyCommand writes the line of the host that it connects to before it passes on the first byte, so
//! that OpenSSH finds it when it checks the key: nobody is asked, and a key that is not the agent's is refused.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Its name in the folder of the command line's configuration.
pub(crate) const FILE_NAME: &str = "ssh_known_hosts";
/// Hosts that are kept; who has connected to more loses the oldest, which come back when they are used.
const MAX_HOSTS: usize = 1_000;
/// Bytes of the file that are read; more is none of ours.
const MAX_BYTES: u64 = 1024 * 1024;

/// Keeps `key` as the only one of `host`; without a key the host is forgotten.
pub(super) fn remember(file: &Path, host: &str, key: Option<&str>) -> io::Result<()> {
    let host = host.to_ascii_lowercase();
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.is_empty() || !host.chars().all(harmless) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the host has no name that can be written",
        ));
    }
    // Nearly always there is nothing to do, and nothing to wait for.
    let before = read(file)?;
    if changed(&before, &host, key).is_none() {
        return Ok(());
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    // Several connections may begin at once.
    let lock = open(
        &file.with_extension("lock"),
        OpenOptions::new().append(true),
    )?;
    lock.lock()?;
    let Some(after) = changed(&read(file)?, &host, key) else {
        return Ok(());
    };
    let temporary = file.with_extension("new");
    let mut new = open(&temporary, OpenOptions::new().write(true).truncate(true))?;
    new.write_all(after.as_bytes())?;
    std::fs::rename(&temporary, file)
}

/// Whether a text is a public key as `known_hosts` has it, and nothing else.
pub(super) fn is_key(text: &str) -> bool {
    let is_name = |word: &str| {
        let mut letters = word.chars();
        letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '@' | '.'))
    };
    let is_base64 = |word: &str| {
        let mut letters = word.chars();
        letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))
    };
    match text.split_once(' ') {
        Some((kind, key)) => !kind.is_empty() && !key.is_empty() && is_name(kind) && is_base64(key),
        None => false,
    }
}

/// The new text of the file, or `None` when it says so already.
fn changed(before: &str, host: &str, key: Option<&str>) -> Option<String> {
    let is_hosts = |line: &&str| line.split_whitespace().next() == Some(host);
    let wanted = key.map(|key| format!("{host} {key}"));
    let present: Vec<&str> = before.lines().filter(is_hosts).collect();
    if present == wanted.iter().map(String::as_str).collect::<Vec<_>>() {
        return None;
    }
    let others = before.lines().filter(|line| !is_hosts(line));
    let mut lines: Vec<&str> = others.filter(|line| !line.trim().is_empty()).collect();
    lines.extend(wanted.as_deref());
    let excess = lines.len().saturating_sub(MAX_HOSTS);
    let mut after = lines.split_off(excess).join("\n");
    after.push('\n');
    Some(after)
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    match File::open(file) {
        Ok(opened) => opened.take(MAX_BYTES).read_to_string(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(text)
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==";

    #[test]
    fn a_host_has_the_key_that_was_seen_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("deep/known");
        let text = || std::fs::read_to_string(&file).expect("written");
        remember(&file, "coder.Dev", Some(KEY)).expect("kept");
        remember(&file, "coder.other", Some("ssh-ed25519 BBBB")).expect("kept");
        assert_eq!(
            text(),
            format!("coder.dev {KEY}\ncoder.other ssh-ed25519 BBBB\n")
        );
        remember(&file, "coder.dev", Some("ssh-ed25519 CCCC")).expect("replaced");
        assert_eq!(
            text(),
            "coder.other ssh-ed25519 BBBB\ncoder.dev ssh-ed25519 CCCC\n"
        );
        remember(&file, "coder.dev", None).expect("forgotten");
        assert_eq!(text(), "coder.other ssh-ed25519 BBBB\n");
    }

    #[test]
    fn nothing_is_written_that_is_known_already() {
        assert_eq!(changed(&format!("h {KEY}\n"), "h", Some(KEY)), None);
        assert_eq!(changed("other x y\n", "h", None), None);
        // A second line, as OpenSSH may add one, would be believed as well.
        let two = format!("h {KEY}\nh ssh-ed25519 EVIL\n");
        assert_eq!(changed(&two, "h", Some(KEY)), Some(format!("h {KEY}\n")));
    }

    #[test]
    fn the_file_does_not_grow_for_ever() {
        let many: String = (0..MAX_HOSTS).map(|n| format!("h{n} a b\n")).collect();
        let after = changed(&many, "new", Some(KEY)).expect("changed");
        assert_eq!(after.lines().count(), MAX_HOSTS);
        assert!(after.starts_with("h1 a b\n") && after.ends_with(&format!("new {KEY}\n")));
    }

    #[test]
    fn hostile_names_and_keys_are_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("known");
        for host in [
            "",
            "a b",
            "a\nb",
            "*",
            "!x",
            "@cert-authority",
            "|1|x",
            "a,b",
            "[a]:2",
        ] {
            remember(&file, host, Some(KEY)).expect_err(host);
        }
        assert!(!file.exists());
        assert!(is_key(KEY));
        for text in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 ",
            " AAAA",
            "ssh-ed25519 AAAA comment",
            "ssh-ed25519 AAAA\nevil.example ssh-ed25519 BBBB",
            "@cert-authority * ssh-ed25519",
        ] {
            assert!(!is_key(text), "{text:?}");
        }
    }

    #[test]
    fn many_connections_at_once_lose_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("known");
        std::thread::scope(|scope| {
            for n in 0..16 {
                let file = &file;
                scope.spawn(move || remember(file, &format!("h{n}"), Some(KEY)).expect("kept"));
            }
        });
        let text = std::fs::read_to_string(&file).expect("written");
        assert_eq!(text.lines().count(), 16);
    }
}

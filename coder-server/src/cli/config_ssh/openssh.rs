//! What the OpenSSH client of this machine can do.

use std::process::{Command, Stdio};

/// The first version that takes `StrictHostKeyChecking accept-new`.
const ACCEPT_NEW: (u32, u32) = (7, 6);

/// Whether the client accepts the keys of hosts that it does not know without asking, and refuses changed ones.
/// One that cannot be asked is taken for a recent one.
pub(super) fn accepts_new_keys() -> bool {
    let output = Command::new("ssh").arg("-V").stdin(Stdio::null()).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    said.ok()
        .and_then(|said| version(&said))
        .is_none_or(|version| version >= ACCEPT_NEW)
}

/// Major and minor number in what `ssh -V` says: `OpenSSH_9.2p1 Debian-2…`, `OpenSSH_for_Windows_8.1p1, …`.
fn version(said: &str) -> Option<(u32, u32)> {
    let word = said
        .split_whitespace()
        .find(|word| word.starts_with("OpenSSH_"))?;
    let (major, rest) = word.rsplit_once('_')?.1.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit());
    let minor = rest.get(..digits.unwrap_or(rest.len()))?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (said, expected) in [
            (
                "OpenSSH_9.2p1 Debian-2+deb12u6, OpenSSL 3.0.19",
                Some((9, 2)),
            ),
            ("OpenSSH_for_Windows_8.1p1, LibreSSL 3.0.2", Some((8, 1))),
            ("OpenSSH_7.4p1, OpenSSL 1.0.2k-fips", Some((7, 4))),
            ("OpenSSH_10.0p2", Some((10, 0))),
            ("Dropbear v2022.83", None),
            ("", None),
        ] {
            assert_eq!(version(said), expected, "{said}");
        }
    }
}

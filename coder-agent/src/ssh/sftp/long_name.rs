use std::fs::Metadata;

use coder_core::Timestamp;

use crate::platform::metadata;
use crate::ssh::accounts::Accounts;

/// Files changed longer ago than this, in seconds, are shown with their year: half a year.
const RECENT: i64 = 365 * 24 * 60 * 60 / 2;

/// The bits of a mode that say what kind of file it is.
const KINDS: u32 = 0o170_000;

/// A line of `ls -l`; clients show it as it is. Times are in UTC.
pub(super) fn line(name: &[u8], file: &Metadata, accounts: &Accounts, now: i64) -> Vec<u8> {
    let (user, group) = metadata::owner(file);
    let (_, modified) = metadata::times(file);
    let mut line = format!(
        "{} {:>3} {:<8} {:<8} {:>8} {} ",
        mode(metadata::mode(file)),
        metadata::links(file),
        accounts.user(user),
        accounts.group(group),
        file.len(),
        date(modified, now),
    )
    .into_bytes();
    line.extend_from_slice(name);
    line
}

fn date(time: i64, now: i64) -> String {
    let recent = (now.saturating_sub(RECENT)..=now).contains(&time);
    let format = if recent { "%b %e %H:%M" } else { "%b %e  %Y" };
    Timestamp::from_timestamp(time, 0).map_or_else(
        || "?           ".to_owned(),
        |time| time.format(format).to_string(),
    )
}

fn mode(mode: u32) -> String {
    let kind = match mode & KINDS {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o020_000 => 'c',
        0o060_000 => 'b',
        0o010_000 => 'p',
        0o140_000 => 's',
        _ => '-',
    };
    let mut text = String::from(kind);
    // Set-user, set-group and sticky share a place with "may be executed".
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn modes() {
        let folder = tempfile::tempdir().unwrap();
        for (permissions, expected) in [
            (0o755, "drwxr-xr-x"),
            (0o1777, "drwxrwxrwt"),
            (0o6700, "drws--S---"),
            (0o1700, "drwx-----T"),
        ] {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(permissions))
                .unwrap();
            assert_eq!(
                mode(metadata::mode(&folder.path().metadata().unwrap())),
                expected
            );
        }
    }

    #[test]
    fn dates() {
        let now = 1_800_000_000;
        assert_eq!(date(now - 60, now), "Jan 15 07:59");
        assert_eq!(date(0, now), "Jan  1  1970");
        assert_eq!(date(now + 60, now), "Jan 15  2027");
        assert_eq!(date(i64::MAX, now).len(), 12);
    }
}

//! The account PostgreSQL runs as when the server is started by root.

use std::{fs, path::Path};

use super::{PostgresError, error::IoContext};

/// An entry of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// The user number.
    pub(crate) uid: u32,
    /// The number of its primary group.
    pub(crate) gid: u32,
}

impl Account {
    /// The account to change to: none unless this process is root.
    pub(crate) fn needed() -> Result<Option<Self>, PostgresError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let passwd = fs::read("/etc/passwd").during(|| "read /etc/passwd".to_owned())?;
        let passwd = String::from_utf8_lossy(&passwd);
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| parse(&passwd, name))
            .map(Some)
            .ok_or(PostgresError::NoAccount)
    }

    /// Whether the account can reach `dir`, that is, search it and every directory above it.
    pub(super) fn reaches(&self, dir: &Path) -> std::io::Result<bool> {
        use std::os::unix::fs::MetadataExt as _;
        for ancestor in dir.canonicalize()?.ancestors() {
            let metadata = fs::metadata(ancestor)?;
            let search_bit = if metadata.uid() == self.uid {
                0o100
            } else if metadata.gid() == self.gid {
                0o010
            } else {
                0o001
            };
            if metadata.mode() & search_bit == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn parse(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        // An account with the rights of root would be no protection, and PostgreSQL refuses it.
        (uid != 0).then_some(Account { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        broken\n\
        toor:x:0:0::/root:/bin/sh\n\
        nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";

    #[test]
    fn accounts_are_read() {
        assert_eq!(
            parse(PASSWD, "nobody"),
            Some(Account {
                uid: 65534,
                gid: 65533
            })
        );
        for name in ["postgres", "broken", "toor", "nob", ""] {
            assert_eq!(parse(PASSWD, name), None, "{name}");
        }
    }

    #[test]
    fn closed_directory_is_not_reached() {
        let account = Account {
            uid: 65534,
            gid: 65533,
        };
        let open = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in("/tmp")
            .unwrap();
        let inner = open.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o711)).unwrap();
        assert!(account.reaches(&inner).unwrap());
        fs::set_permissions(open.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!account.reaches(&inner).unwrap());
    }
}

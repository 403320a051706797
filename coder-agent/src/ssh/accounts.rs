//! The system's lists of users and groups.
//!
//! The C library is not asked, because a statically linked one cannot load name services.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// A list larger than this is not read to its end.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Names by number.
#[derive(Debug)]
pub(super) struct Accounts {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

impl Accounts {
    pub(super) fn load() -> Self {
        Self {
            users: names(&read("/etc/passwd")),
            groups: names(&read("/etc/group")),
        }
    }

    /// A user's name, or the number where there is none.
    pub(super) fn user(&self, id: u32) -> String {
        name(&self.users, id)
    }

    /// A group's name, or the number where there is none.
    pub(super) fn group(&self, id: u32) -> String {
        name(&self.groups, id)
    }
}

/// The home directory of the user called `name`.
pub(super) fn home_of(name: &str) -> Option<PathBuf> {
    find_home(&read("/etc/passwd"), name)
}

/// A list as text; what was read before an error is still good.
pub(crate) fn read(path: &str) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        let _ = file.take(MAX_BYTES).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn name(names: &BTreeMap<u32, String>, id: u32) -> String {
    names.get(&id).cloned().unwrap_or_else(|| id.to_string())
}

/// `name:password:number:…`, one a line; the first of several names counts.
fn names(list: &str) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for line in list.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(_), Some(Ok(id))) = (
            fields.next().filter(|name| !name.is_empty()),
            fields.next(),
            fields.next().map(str::parse),
        ) {
            names.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    names
}

fn find_home(passwd: &str, name: &str) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields.as_slice() {
            [found, _, _, _, _, home, _] if *found == name && home.starts_with('/') => {
                Some(PathBuf::from(home))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbroken\n\
        :x:3:3:::\nalice:x:1000:1000:,,,:/home/alice:/bin/bash\n";

    #[test]
    fn names_by_number() {
        let accounts = Accounts {
            users: names(PASSWD),
            groups: names("users:x:100:alice\n"),
        };
        assert_eq!(accounts.user(0), "root");
        assert_eq!(accounts.user(1000), "alice");
        assert_eq!(accounts.user(3), "3");
        assert_eq!(accounts.group(100), "users");
        assert_eq!(accounts.group(1), "1");
    }

    #[test]
    fn homes_by_name() {
        assert_eq!(find_home(PASSWD, "alice"), Some("/home/alice".into()));
        assert_eq!(find_home(PASSWD, "broken"), None);
        assert_eq!(find_home(PASSWD, ""), None);
    }
}

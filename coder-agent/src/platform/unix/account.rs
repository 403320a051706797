//! Who this process runs as.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::ssh::{Environment, User, accounts};

/// How long the name service may take.
const GETENT_TIMEOUT: Duration = Duration::from_secs(5);

/// A number that no other user of this machine has.
pub(crate) fn number() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// `/etc/passwd`, else what `getent` knows of other name services, else the variables `USER`, `HOME` and `SHELL`.
pub(crate) async fn current(environment: &Environment) -> User {
    let uid = rustix::process::getuid().as_raw();
    let entry = match find_entry(&accounts::read("/etc/passwd"), uid) {
        Some(entry) => Some(entry),
        None => getent(uid).await,
    };
    from_entry(entry, uid, environment, |shell| shell.is_file())
}

fn from_entry(
    entry: Option<Entry>,
    uid: u32,
    environment: &Environment,
    exists: impl Fn(&Path) -> bool,
) -> User {
    let variable = |name: &str| {
        environment
            .get(OsStr::new(name))
            .filter(|value| !value.is_empty())
            .cloned()
    };
    let (name, home, shell) = match entry {
        Some(Entry { name, home, shell }) => (Some(name), Some(home), Some(shell)),
        None => (None, None, None),
    };
    let absolute = |path: &PathBuf| path.is_absolute();
    User {
        name: name
            .or_else(|| variable("USER"))
            .unwrap_or_else(|| uid.to_string().into()),
        home: variable("HOME")
            .map(PathBuf::from)
            .filter(absolute)
            .or_else(|| home.filter(absolute))
            .unwrap_or_else(|| "/".into()),
        shell: shell
            .into_iter()
            .chain(variable("SHELL").map(PathBuf::from))
            .find(|shell| shell.is_absolute() && exists(shell))
            .unwrap_or_else(|| "/bin/sh".into()),
    }
}

struct Entry {
    name: OsString,
    home: PathBuf,
    shell: PathBuf,
}

async fn getent(uid: u32) -> Option<Entry> {
    let output = Command::new("getent")
        .args(["passwd", &uid.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(GETENT_TIMEOUT, output)
        .await
        .ok()?
        .ok()?;
    find_entry(&String::from_utf8_lossy(&output.stdout), uid)
}

/// `name:password:uid:gid:comment:home:shell`, one a line; an empty shell means `/bin/sh`.
fn find_entry(passwd: &str, uid: u32) -> Option<Entry> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, id, _, _, home, shell] = fields.as_slice() else {
            return None;
        };
        (id.parse() == Ok(uid) && !name.is_empty()).then(|| Entry {
            name: (*name).into(),
            home: (*home).into(),
            shell: if shell.is_empty() {
                "/bin/sh".into()
            } else {
                (*shell).into()
            },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/zsh\n\
        broken line\n\
        :x:7:7::/:/bin/sh\n\
        alice:x:1000:1000:Alice,,,:/home/alice:\n";

    fn user(uid: u32, environment: &[(&str, &str)], exists: fn(&Path) -> bool) -> User {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        from_entry(find_entry(PASSWD, uid), uid, &environment, exists)
    }

    #[test]
    fn the_database_is_asked_first() {
        let root = user(0, &[("SHELL", "/bin/fish"), ("USER", "x")], |_| true);
        assert_eq!(root.name, "root");
        assert_eq!(root.shell, Path::new("/bin/zsh"));
        assert_eq!(root.home, Path::new("/root"));
        assert_eq!(user(1000, &[], |_| true).shell, Path::new("/bin/sh"));
    }

    #[test]
    fn variables_help_out() {
        let environment = [("SHELL", "/bin/fish"), ("USER", "bob"), ("HOME", "/data")];
        let bob = user(12345, &environment, |_| true);
        assert_eq!(
            (bob.name, bob.home, bob.shell),
            ("bob".into(), "/data".into(), "/bin/fish".into())
        );
        let nobody = user(7, &[("HOME", "relative"), ("SHELL", "fish")], |_| true);
        assert_eq!(
            (nobody.name, nobody.home, nobody.shell),
            ("7".into(), "/".into(), "/bin/sh".into())
        );
    }

    #[test]
    fn a_shell_that_is_gone_is_not_used() {
        let root = user(0, &[("SHELL", "/bin/fish")], |shell| {
            shell != Path::new("/bin/zsh")
        });
        assert_eq!(root.shell, Path::new("/bin/fish"));
        assert_eq!(user(0, &[], |_| false).shell, Path::new("/bin/sh"));
    }
}

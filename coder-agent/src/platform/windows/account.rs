//! Who this process runs as.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::text::{DEFAULT_PATH, ROOT};
use crate::ssh::{Environment, User};

/// What shells there may be, the best first.
const SHELLS: [&str; 3] = ["pwsh.exe", "powershell.exe", "cmd.exe"];

/// A number that no other user of this machine has; folders of users are their own here.
pub(crate) const fn number() -> u32 {
    0
}

/// What `USERNAME`, `USERPROFILE` and `PATH` tell, and `SHELL` for those who want another one.
pub(crate) async fn current(environment: &Environment) -> User {
    find(environment, Path::is_file)
}

fn find(environment: &Environment, exists: fn(&Path) -> bool) -> User {
    let variable = |name: &str| {
        let value = environment.get(OsStr::new(name));
        value.filter(|value| !value.is_empty()).cloned()
    };
    let path = variable("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = SHELLS.iter().filter_map(|shell| {
        let mut files = folders.iter().map(|folder| folder.join(shell));
        files.find(|file| exists(file))
    });
    let wanted = variable("SHELL").map(PathBuf::from);
    let wanted = wanted.filter(|shell| shell.is_absolute() && exists(shell));
    let shell = wanted.into_iter().chain(found).next();
    User {
        name: variable("USERNAME").unwrap_or_else(|| OsString::from("user")),
        home: ["HOME", "USERPROFILE"]
            .into_iter()
            .filter_map(|name| variable(name).map(PathBuf::from))
            .find(|home| home.is_absolute())
            .unwrap_or_else(|| ROOT.into()),
        shell: shell.unwrap_or_else(|| "C:\\Windows\\System32\\cmd.exe".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_tell() {
        let environment = Environment::from([
            ("USERNAME".into(), "alice".into()),
            ("USERPROFILE".into(), "C:\\Users\\alice".into()),
            ("PATH".into(), "C:\\a;C:\\b".into()),
        ]);
        let found = find(&environment, |file| file.ends_with("b\\powershell.exe"));
        assert_eq!(
            (&*found.name, &*found.home),
            (OsStr::new("alice"), Path::new("C:\\Users\\alice"))
        );
        assert_eq!(found.shell, Path::new("C:\\b\\powershell.exe"));
        let none = find(&Environment::new(), |_| false);
        assert!(none.shell.ends_with("cmd.exe") && none.home == Path::new(ROOT));
    }
}

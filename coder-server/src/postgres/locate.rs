//! Finding an installed PostgreSQL.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::PostgresError;

/// The oldest major version that is accepted (server.md §1).
pub const MINIMUM_MAJOR: u32 = 13;

/// How PostgreSQL is installed on Debian, for messages.
pub const INSTALL_COMMAND: &str = "sudo apt-get install --yes postgresql";

/// An installed PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The directory that has `postgres` and `initdb`.
    pub bin_dir: PathBuf,
    /// Its major version.
    pub major: u32,
}

/// Lists the installations found, newest first.
///
/// With `bin_dir` only that directory is looked at. Otherwise the versioned directories of Debian
/// (`/usr/lib/postgresql/*/bin`) and of Red Hat (`/usr/pgsql-*/bin`), then those of `search_path`,
/// which has the form of `PATH`.
pub fn installations(bin_dir: Option<&Path>, search_path: Option<&OsStr>) -> Vec<Installation> {
    let mut found: Vec<Installation> = Vec::new();
    for dir in candidates(bin_dir, search_path) {
        let Some(major) = installed_major(&dir) else {
            continue;
        };
        if !found.iter().any(|other| other.bin_dir == dir) {
            found.push(Installation {
                bin_dir: dir,
                major,
            });
        }
    }
    // Stable: of two with one version, the one looked at first wins.
    found.sort_by_key(|installation| std::cmp::Reverse(installation.major));
    found
}

/// Chooses the installation to use with a data directory.
///
/// `existing` is the data directory and the major version it was written by, if there is one: then
/// only that version will do, as PostgreSQL cannot read the data of another.
///
/// # Errors
/// [`PostgresError::NotInstalled`] and [`PostgresError::OtherVersion`].
pub fn choose(
    found: &[Installation],
    existing: Option<(&Path, u32)>,
    searched: &str,
) -> Result<Installation, PostgresError> {
    let mut usable = found.iter().filter(|one| one.major >= MINIMUM_MAJOR);
    let Some((directory, data)) = existing else {
        return usable
            .next()
            .cloned()
            .ok_or_else(|| PostgresError::NotInstalled {
                searched: searched.to_owned(),
                command: INSTALL_COMMAND,
            });
    };
    if let Some(same) = usable.find(|one| one.major == data) {
        return Ok(same.clone());
    }
    let installed: Vec<String> = found.iter().map(|one| one.major.to_string()).collect();
    Err(PostgresError::OtherVersion {
        directory: directory.to_path_buf(),
        data,
        installed: if installed.is_empty() {
            "none".to_owned()
        } else {
            installed.join(", ")
        },
    })
}

/// The places [`installations`] looks at, in words.
pub fn searched(bin_dir: Option<&Path>) -> String {
    match bin_dir {
        Some(dir) => dir.display().to_string(),
        None => "/usr/lib/postgresql/*/bin, /usr/pgsql-*/bin and PATH".to_owned(),
    }
}

fn candidates(bin_dir: Option<&Path>, search_path: Option<&OsStr>) -> Vec<PathBuf> {
    if let Some(dir) = bin_dir {
        return vec![dir.to_path_buf()];
    }
    let mut dirs = Vec::new();
    for entry in children(Path::new("/usr/lib/postgresql")) {
        dirs.push(entry.join("bin"));
    }
    for entry in children(Path::new("/usr")) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("pgsql-") {
            dirs.push(entry.join("bin"));
        }
    }
    if let Some(path) = search_path {
        dirs.extend(std::env::split_paths(path).filter(|dir| dir.is_absolute()));
    }
    dirs
}

fn children(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path()).collect()
}

fn installed_major(dir: &Path) -> Option<u32> {
    let server = dir.join("postgres");
    if !server.is_file() || !dir.join("initdb").is_file() {
        return None;
    }
    let output = Command::new(server)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

/// Reads the major version from the answer to `postgres --version`, such as
/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` or `postgres (PostgreSQL) 18beta1`.
fn parse_major(text: &str) -> Option<u32> {
    let version = text.split("(PostgreSQL)").nth(1)?.trim_start();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation(major: u32) -> Installation {
        Installation {
            bin_dir: PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")),
            major,
        }
    }

    #[test]
    fn versions_are_read() {
        for (text, major) in [
            (
                "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n",
                Some(15),
            ),
            ("postgres (PostgreSQL) 18beta1\n", Some(18)),
            ("postgres (PostgreSQL) 9.6.24\n", Some(9)),
            ("something else 15\n", None),
            ("", None),
        ] {
            assert_eq!(parse_major(text), major, "{text:?}");
        }
    }

    #[test]
    fn newest_is_chosen_for_new_data_and_the_same_version_for_old_data() {
        let found = [installation(17), installation(15), installation(12)];
        let data = Path::new("/data");
        assert_eq!(choose(&found, None, "here").unwrap().major, 17);
        assert_eq!(choose(&found, Some((data, 15)), "here").unwrap().major, 15);
        let error = choose(&found, Some((data, 16)), "here").unwrap_err();
        assert!(error.to_string().contains("postgresql-16"), "{error}");
        // Even with data of that version: the queries need 13.
        assert!(choose(&found, Some((data, 12)), "here").is_err());
    }

    #[test]
    fn nothing_installed_names_the_command_that_installs_it() {
        for found in [vec![], vec![installation(12)]] {
            let error = choose(&found, None, "/nowhere").unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains(INSTALL_COMMAND) && text.contains("/nowhere"),
                "{text}"
            );
        }
    }

    #[test]
    fn empty_directory_has_no_installation() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(installations(Some(dir.path()), None), []);
    }
}

//! The folder in which the command line keeps where and as whom it is signed in.

use super::error::{CliError, CliResult};
use std::{
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// `--global-config`, `~/.config/coderv2` by default.
#[derive(Clone, Debug)]
pub(crate) struct ConfigDir(PathBuf);

impl ConfigDir {
    /// The given folder, or the default one.
    pub(crate) fn new(given: Option<&Path>) -> CliResult<Self> {
        if let Some(path) = given {
            return Ok(Self(path.to_owned()));
        }
        let base = std::env::var_os("XDG_CONFIG_HOME")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
        let base = base.or_else(home).ok_or_else(|| {
            CliError::new("no home directory is known")
                .hint("Set HOME, or pass --global-config with a folder for the session.")
        })?;
        Ok(Self(base.join("coderv2")))
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The deployment's URL, if signed in.
    pub(crate) fn url(&self) -> Option<String> {
        self.read("url")
    }

    /// The session token, if signed in.
    pub(crate) fn session(&self) -> Option<String> {
        self.read("session")
    }

    /// Keeps URL and session, readable by the user alone.
    pub(crate) fn save(&self, url: &str, session: &str) -> CliResult {
        let failed = |error| {
            CliError::new(format!("{} cannot be written", self.0.display())).caused_by(error)
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .map_err(failed)?;
        for (name, text) in [("url", url), ("session", session)] {
            // A new file in place of the old one, so that wider permissions of an old file do not stay.
            let temporary = self.0.join(format!(".{name}.{}", std::process::id()));
            let mut options = std::fs::OpenOptions::new();
            let file = options
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&temporary);
            file.and_then(|mut file| file.write_all(text.as_bytes()))
                .map_err(failed)?;
            std::fs::rename(&temporary, self.0.join(name)).map_err(failed)?;
        }
        Ok(())
    }

    /// Forgets URL and session.
    pub(crate) fn clear(&self) -> CliResult {
        for name in ["session", "url"] {
            match std::fs::remove_file(self.0.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read(&self, name: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.0.join(name)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_session_is_kept_for_the_user_alone_and_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = ConfigDir::new(Some(&folder.path().join("sub"))).expect("given");
        assert_eq!(config.session(), None);
        config.save("http://example.com", "token").expect("saved");
        assert_eq!(config.url().as_deref(), Some("http://example.com"));
        let mode = std::fs::metadata(config.path().join("session"))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        config.clear().expect("cleared");
        config.clear().expect("nothing left is no failure");
        assert_eq!(config.session(), None);
    }
}

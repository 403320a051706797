//! Finding terraform and checking its version.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use crate::{Error, ErrorKind, Result};

/// Oldest version of Terraform that works.
pub const MINIMUM_VERSION: &str = "1.1.0";
/// Newest minor version of Terraform that this crate is known to work with.
pub const MAXIMUM_VERSION: &str = "1.15";

const MINIMUM: Version = Version(1, 1, 0);
const FIRST_UNKNOWN: Version = Version(1, 16, 0);
/// How long `terraform version` may take.
const VERSION_TIMEOUT: Duration = Duration::from_secs(30);

/// A version of Terraform: major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32, pub(super) u32);

impl Version {
    /// Reads `1.11.4`, also with a suffix such as `-beta1`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let core = text.split(['-', '+']).next()?;
        let mut parts = core.split('.').map(|part| part.parse::<u32>().ok());
        let version = Self(parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A terraform that can be used.
#[derive(Debug, Clone)]
pub(super) struct Binary {
    pub(super) path: PathBuf,
    pub(super) version: Version,
}

impl Binary {
    /// Finds terraform, by `path` or on `search_path`, and asks it for its version.
    pub(super) async fn find(path: Option<&Path>, search_path: Option<&OsStr>) -> Result<Self> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => search(search_path)
                .ok_or_else(|| unavailable("there is no terraform on PATH".to_owned()))?,
        };
        let shown = path.display().to_string();
        let mut command = Command::new(&path);
        command.args(["version", "-json"]);
        command
            .env_clear()
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_CLI_CONFIG_FILE", "/dev/null");
        command
            .kill_on_drop(true)
            .stdin(std::process::Stdio::null());
        let output = timeout(VERSION_TIMEOUT, command.output())
            .await
            .map_err(|_| unavailable(format!("{shown} version did not end in time")))?
            .map_err(|error| unavailable(format!("{shown} cannot be run")).with_source(error))?;
        let version = read_version(&output.stdout)
            .ok_or_else(|| unavailable(format!("{shown} did not tell its version")))?;
        if version < MINIMUM {
            return Err(unavailable(format!(
                "{shown} is Terraform {version}, which is too old"
            )));
        }
        if version >= FIRST_UNKNOWN {
            tracing::warn!(%version, "this version of Terraform is newer than those tested");
        }
        Ok(Self { path, version })
    }

    /// Whether `terraform init` takes `-json`.
    pub(super) fn init_has_json(&self) -> bool {
        self.version >= Version(1, 9, 0)
    }

    /// Whether `terraform graph` takes `-type` without a plan.
    pub(super) fn graph_has_type(&self) -> bool {
        self.version >= Version(1, 7, 0)
    }
}

fn unavailable(reason: String) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!(
            "{reason}; install Terraform {MINIMUM_VERSION} or newer (known to work up to \
             {MAXIMUM_VERSION}) and put it on the PATH of the provisioner"
        ),
    )
}

fn search(search_path: Option<&OsStr>) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    std::env::split_paths(search_path?)
        .map(|folder| folder.join("terraform"))
        .find(|path| {
            path.metadata()
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
}

fn read_version(output: &[u8]) -> Option<Version> {
    #[derive(Deserialize)]
    struct Output {
        terraform_version: String,
    }
    let output: Output = serde_json::from_slice(output).ok()?;
    Version::parse(&output.terraform_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_by_number() {
        let output = br#"{"terraform_version": "1.11.4", "platform": "linux_amd64"}"#;
        assert_eq!(read_version(output), Some(Version(1, 11, 4)));
        assert_eq!(Version::parse("1.16.0-rc1"), Some(FIRST_UNKNOWN));
        assert!(Version(1, 9, 0) < Version(1, 11, 4));
        for odd in ["", "1", "1.2", "1.2.3.4", "one.2.3"] {
            assert_eq!(Version::parse(odd), None, "{odd}");
        }
    }

    #[tokio::test]
    async fn a_missing_terraform_is_explained() {
        let empty = tempfile::tempdir().unwrap();
        let path = empty.path().as_os_str();
        let error = Binary::find(None, Some(path)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(
            error.to_string().contains("install Terraform 1.1.0"),
            "{error}"
        );
        let missing = empty.path().join("terraform");
        let error = Binary::find(Some(&missing), None).await.unwrap_err();
        assert!(error.chain().contains("cannot be run"), "{}", error.chain());
    }

    #[tokio::test]
    async fn an_unsuitable_terraform_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("terraform");
        for (output, reason) in [
            (r#"{"terraform_version":"0.15.5"}"#, "too old"),
            ("hello", "did not tell"),
        ] {
            std::fs::write(&path, format!("#!/bin/sh\necho '{output}'\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
            let error = Binary::find(None, Some(folder.path().as_os_str()))
                .await
                .unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}

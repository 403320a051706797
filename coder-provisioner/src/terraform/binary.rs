//! Finding terraform, or OpenTofu, and checking its version.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use super::fetch::fetch;
use super::options::TerraformOptions;
use super::product::{Product, supported};
use super::version::Version;
use crate::{Error, ErrorKind, Result};

/// The name on `PATH` when no other is given.
const NAME: &str = "terraform";
/// How long `terraform version` may take.
const VERSION_TIMEOUT: Duration = Duration::from_secs(30);
/// A file that was written a moment ago cannot be run while another thread is starting a process, which holds
/// the file open until then.
const BUSY_TRIES: u32 = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// A terraform that can be used.
#[derive(Debug, Clone)]
pub(super) struct Binary {
    pub(super) path: PathBuf,
    pub(super) product: Product,
    pub(super) version: Version,
}

impl Binary {
    /// Finds the binary that `options` ask for, and fetches Terraform where they say so.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] with everything that was tried and what to do.
    pub(super) async fn locate(
        options: &TerraformOptions,
        search_path: Option<&OsStr>,
    ) -> Result<Self> {
        let given = options.terraform_path.as_deref();
        let wanted = options.fetch.as_ref().filter(|_| given.is_none());
        let mut tried = Vec::new();
        if wanted.is_none_or(|wanted| !wanted.always) {
            match Self::find(given, search_path).await {
                Ok(found) => return Ok(found),
                Err(error) => tried.push(error.chain()),
            }
        }
        if let Some(wanted) = wanted {
            match fetch(wanted, &options.cache_directory.join("bin")).await {
                Ok(fetched) => return Ok(fetched),
                Err(error) => {
                    let reason = error.chain();
                    tried.push(format!(
                        "Terraform {} cannot be fetched: {reason}",
                        wanted.version
                    ));
                }
            }
        }
        let text = format!(
            "{}; {} on the PATH of the provisioner",
            tried.join("; "),
            supported()
        );
        Err(unavailable(text))
    }

    /// Finds a binary, by its path or by its name on `search_path`, and asks it for its version.
    async fn find(given: Option<&Path>, search_path: Option<&OsStr>) -> Result<Self> {
        let given = given.unwrap_or(Path::new(NAME));
        // As in a shell: what has no slash is a name.
        let is_name = given.parent() == Some(Path::new(""));
        let path = if is_name {
            search(given, search_path)
                .ok_or_else(|| unavailable(format!("there is no {} on PATH", given.display())))?
        } else {
            // It is run in other directories.
            std::path::absolute(given)
                .map_err(|error| Error::internal(format!("resolve {}", given.display()), error))?
        };
        let found = Self::probe(path).await?;
        let (shown, product, version) = (found.path.display(), found.product, found.version);
        if version < product.minimum() {
            return Err(unavailable(format!(
                "{shown} is {product} {version}, which is too old"
            )));
        }
        if version >= product.first_unknown() {
            tracing::warn!(%version, %product, "this version is newer than those tested");
        }
        Ok(found)
    }

    /// Asks the program at `path` what it is.
    pub(super) async fn probe(path: PathBuf) -> Result<Self> {
        let shown = path.display().to_string();
        let json = version_output(&path, &["version", "-json"]).await?;
        let version = read_version(&json.stdout)
            .ok_or_else(|| unavailable(format!("{shown} did not tell its version")))?;
        // The JSON of both has the same names.
        let text = version_output(&path, &["version"]).await?;
        let product = if text.stdout.starts_with(b"OpenTofu ") {
            Product::OpenTofu
        } else {
            Product::Terraform
        };
        Ok(Self {
            path,
            product,
            version,
        })
    }

    /// Whether `init` takes `-json`.
    pub(super) fn init_has_json(&self) -> bool {
        self.product.init_has_json(self.version)
    }

    /// Whether `graph` takes `-type` without a plan, and needs it.
    pub(super) fn graph_has_type(&self) -> bool {
        self.product.graph_has_type(self.version)
    }
}

async fn version_output(path: &Path, arguments: &[&str]) -> Result<Output> {
    let shown = path.display();
    let run = || {
        let mut command = Command::new(path);
        command
            .args(arguments)
            .env_clear()
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_CLI_CONFIG_FILE", "/dev/null")
            .kill_on_drop(true)
            .stdin(std::process::Stdio::null());
        async move { command.output().await }
    };
    let mut tries = 0;
    loop {
        let output = timeout(VERSION_TIMEOUT, run())
            .await
            .map_err(|_| unavailable(format!("{shown} version did not end in time")))?;
        match output {
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES =>
            {
                tries += 1;
                sleep(BUSY_PAUSE).await;
            }
            other => {
                return other.map_err(|error| {
                    unavailable(format!("{shown} cannot be run")).with_source(error)
                });
            }
        }
    }
}

/// Something that is needed is not there.
pub(super) fn unavailable(reason: String) -> Error {
    Error::new(ErrorKind::Unavailable, reason)
}

fn search(name: &Path, search_path: Option<&OsStr>) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    std::env::split_paths(search_path?)
        .map(|folder| folder.join(name))
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

    fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[test]
    fn the_version_is_read_from_json() {
        let output = br#"{"terraform_version": "1.11.4", "platform": "linux_amd64"}"#;
        assert_eq!(read_version(output), Some(Version(1, 11, 4)));
    }

    #[tokio::test]
    async fn a_missing_terraform_is_explained() {
        let empty = tempfile::tempdir().unwrap();
        let path = empty.path().as_os_str();
        let mut options = TerraformOptions::new(empty.path());
        let error = Binary::locate(&options, Some(path)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let text = error.to_string();
        assert!(text.starts_with("there is no terraform on PATH"), "{text}");
        assert!(text.contains("install Terraform 1.1.0"), "{text}");
        assert!(text.contains("OpenTofu 1.6.0"), "{text}");
        options.terraform_path = Some(empty.path().join("terraform"));
        let error = Binary::locate(&options, None).await.unwrap_err();
        assert!(
            error.to_string().contains("cannot be run: No such"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_unsuitable_terraform_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (output, reason) in [
            (
                r#"echo '{"terraform_version":"0.15.5"}'"#,
                "Terraform 0.15.5, which is too old",
            ),
            ("echo hello", "did not tell"),
        ] {
            script(folder.path(), "terraform", output);
            let error = Binary::find(None, Some(folder.path().as_os_str()))
                .await
                .unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    #[tokio::test]
    async fn opentofu_is_found_by_its_name_and_has_its_own_range() {
        let folder = tempfile::tempdir().unwrap();
        let path = Some(folder.path().as_os_str());
        let tofu = |version: &str| {
            let text = format!(
                "[ \"$2\" = -json ] && echo '{{\"terraform_version\":\"{version}\"}}' || echo 'OpenTofu v{version}'"
            );
            script(folder.path(), "tofu", &text);
        };
        tofu("1.10.5");
        let found = Binary::find(Some(Path::new("tofu")), path).await.unwrap();
        assert_eq!(found.product, Product::OpenTofu);
        assert_eq!(found.version, Version(1, 10, 5));
        assert!(found.init_has_json() && !found.graph_has_type());
        // Terraform 1.5 would do.
        tofu("1.5.7");
        let error = Binary::find(Some(Path::new("tofu")), path)
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("OpenTofu 1.5.7, which is too old"),
            "{error}"
        );
        let missing = Binary::find(Some(Path::new("opentofu")), path).await;
        let error = missing.unwrap_err().to_string();
        assert_eq!(error, "there is no opentofu on PATH");
    }
}

//! Terraform as this program runs it, inside the server and in daemons of their own.

use crate::agent_binaries::{self, AgentBinary};
use coder_provisioner::terraform::{TerraformOptions, TerraformProvisioner};
use std::path::{Path, PathBuf};

/// Terraform with the files that it needs below `cache`. Whether there is one is only logged: it may be
/// installed later, and each job says the same.
///
/// # Errors
/// When `cache` cannot be written.
pub(crate) async fn provisioner(cache: &Path) -> std::io::Result<TerraformProvisioner> {
    let terraform = TerraformProvisioner::new(options(cache)?);
    match terraform.check().await {
        Ok(version) => tracing::info!(version, "terraform found"),
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "terraform cannot be used"
        ),
    }
    Ok(terraform)
}

/// `--cache-dir`, or `~/.cache/coder`, or `cache` below a folder of one's own.
pub(crate) fn cache_folder(given: Option<&Path>, folder: &Path) -> PathBuf {
    let home = || std::env::var_os("HOME").filter(|home| !home.is_empty());
    match (given, home()) {
        (Some(given), _) => given.to_owned(),
        (None, Some(home)) => PathBuf::from(home).join(".cache").join("coder"),
        (None, None) => folder.join("cache"),
    }
}

/// The name of this machine.
pub(crate) fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name.is_empty() {
        "coder".to_owned()
    } else {
        name
    }
}

/// Terraform with our provider and our launcher. Both are this program unless a slim provider is at hand.
fn options(cache: &Path) -> std::io::Result<TerraformOptions> {
    let own = std::env::current_exe()?;
    let mut options = TerraformOptions::new(cache.join("terraform"));
    options.provider_binary = Some(provider_binary(cache, &own)?);
    options.launcher = Some(own);
    Ok(options)
}

fn provider_binary(cache: &Path, own: &Path) -> std::io::Result<PathBuf> {
    const NAME: &str = "terraform-provider-coder";
    let Some(AgentBinary::Embedded { bytes, hash }) = agent_binaries::find(NAME) else {
        return Ok(own.to_owned());
    };
    // Named by its content: what is there already is right, and an upgrade does not meet "text file busy".
    let folder = cache.join("provider").join(&hash);
    let path = folder.join(NAME);
    if std::fs::read(&path).is_ok_and(|present| *present == *bytes) {
        return Ok(path);
    }
    std::fs::create_dir_all(&folder)?;
    let new = tempfile::NamedTempFile::new_in(&folder)?;
    std::fs::write(new.path(), &bytes)?;
    std::fs::set_permissions(
        new.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )?;
    new.persist(&path).map_err(|error| error.error)?;
    Ok(path)
}

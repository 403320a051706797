//! Settings of the Terraform provisioner.

use std::path::PathBuf;
use std::time::Duration;

use super::fetch::TerraformFetch;

/// Settings of a [`super::TerraformProvisioner`].
#[derive(Debug, Clone)]
pub struct TerraformOptions {
    /// The Terraform or OpenTofu binary: a path, or a name to look for on `PATH`, such as `tofu`. `None` is
    /// `terraform`.
    pub terraform_path: Option<PathBuf>,
    /// What to fetch when no suitable `terraform` is on `PATH`; not used when `terraform_path` is given. `None`, the
    /// default, fetches nothing.
    pub fetch: Option<TerraformFetch>,
    /// The binary that serves the `coder/coder` provider: our `terraform-provider-coder`, or a
    /// binary that behaves as such under that name. Terraform hashes it on every command, so a
    /// small one makes builds quicker. `None` leaves `coder/coder` to the public registry.
    pub provider_binary: Option<PathBuf>,
    /// Where downloaded providers and our configuration are kept between sessions.
    pub cache_directory: PathBuf,
    /// Bytes that downloaded providers and kept results of `init` may take before those unused the
    /// longest are removed. Default 10 GiB. What is in use stays in any case.
    pub cache_limit_bytes: u64,
    /// Where each session has a directory of its own.
    pub work_directory: PathBuf,
    /// A binary that calls [`super::launcher::main`] for its subcommand
    /// [`super::launcher::SUBCOMMAND`], so that Terraform ends with this process. `None` starts
    /// Terraform directly.
    pub launcher: Option<PathBuf>,
    /// How long an interrupted Terraform may take to end before it is killed. Default 3 min.
    pub exit_grace: Duration,
    /// Names of further environment variables that templates may see, beside the few that
    /// programs need to run. Cloud credentials of this machine belong here only when every
    /// template author may use them. Names with an [`super::environment_refusal`] stay out.
    pub environment: Vec<String>,
}

impl TerraformOptions {
    /// Settings with the defaults, and directories below `directory`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self {
            terraform_path: None,
            fetch: None,
            provider_binary: None,
            cache_directory: directory.join("cache"),
            cache_limit_bytes: 10 * 1024 * 1024 * 1024,
            work_directory: directory.join("work"),
            launcher: None,
            exit_grace: Duration::from_secs(180),
            environment: Vec::new(),
        }
    }
}

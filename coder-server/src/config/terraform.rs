//! How Terraform is found, and what templates get from this machine.

use coder_provisioner::terraform::{
    DEFAULT_TERRAFORM_URL, DEFAULT_TERRAFORM_VERSION, TerraformFetch, environment_refusal,
};
use std::path::PathBuf;
use url::Url;

/// When Terraform is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FetchPolicy {
    /// When there is none on PATH, or one that cannot be used.
    Auto,
    /// Also when there is one on PATH: the version is the same everywhere.
    Always,
    /// Never: what is missing has to be installed.
    Never,
}

/// Which `coder/coder` provider templates get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ProviderSource {
    /// The one inside this program. Nothing is downloaded for it.
    Bundled,
    /// The published one, from where Terraform finds providers.
    Registry,
}

/// Terraform, for built-in daemons and those in other processes.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct TerraformConfig {
    /// The Terraform or OpenTofu binary: a path, or a name on PATH such as `tofu`. Nothing is fetched then.
    #[arg(long, env = "CODER_TERRAFORM_BINARY", value_name = "NAME|PATH")]
    pub terraform_binary: Option<PathBuf>,
    /// When Terraform is fetched.
    #[arg(long, env = "CODER_TERRAFORM_FETCH", default_value = "auto")]
    pub terraform_fetch: FetchPolicy,
    /// Where Terraform is fetched from.
    #[arg(long, env = "CODER_TERRAFORM_URL", default_value = DEFAULT_TERRAFORM_URL, value_name = "URL",
          value_parser = base_url)]
    pub terraform_url: Url,
    /// The version that is fetched.
    #[arg(long, env = "CODER_TERRAFORM_VERSION", default_value = DEFAULT_TERRAFORM_VERSION,
          value_name = "VERSION", value_parser = version)]
    pub terraform_version: String,
    /// SHA-256 of the archive that is fetched; when absent, the list of checksums at the same URL counts.
    #[arg(long, env = "CODER_TERRAFORM_SHA256", value_name = "HEX", value_parser = sha256)]
    pub terraform_sha256: Option<[u8; 32]>,
    /// Which `coder/coder` provider templates get.
    #[arg(long, env = "CODER_TERRAFORM_PROVIDER", default_value = "bundled")]
    pub terraform_provider: ProviderSource,
    /// Names of further variables of this process that every template can read, such as AWS_PROFILE.
    #[arg(long, env = "CODER_TERRAFORM_ENV", value_delimiter = ',', value_name = "NAME", value_parser = passed)]
    pub terraform_env: Vec<String>,
}

fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match url.scheme() {
        "https" | "http" if is_plain => Ok(url),
        "https" | "http" => {
            Err("it may have neither a user nor a query: both would be in logs".to_owned())
        }
        _ => Err("it must begin with https:// or http://".to_owned()),
    }
}

fn version(text: &str) -> Result<String, String> {
    TerraformFetch::refusal(text).map_or_else(|| Ok(text.to_owned()), Err)
}

fn sha256(text: &str) -> Result<[u8; 32], String> {
    TerraformFetch::parse_sha256(text).ok_or_else(|| "it is not 64 hexadecimal digits".to_owned())
}

fn passed(name: &str) -> Result<String, String> {
    environment_refusal(name).map_or_else(|| Ok(name.to_owned()), |reason| Err(reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<TerraformConfig, String> {
        let command = <TerraformConfig as clap::Args>::augment_args(clap::Command::new("coder"));
        let args = std::iter::once("coder").chain(args.iter().copied());
        let matches = command
            .try_get_matches_from(args)
            .map_err(|error| error.to_string())?;
        <TerraformConfig as clap::FromArgMatches>::from_arg_matches(&matches)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_the_fields() {
        let config = parsed(&[]).expect("defaults");
        assert_eq!(config.terraform_fetch, FetchPolicy::Auto);
        assert_eq!(config.terraform_version, "1.15.5");
        assert_eq!(
            config.terraform_url.as_str(),
            "https://releases.hashicorp.com/"
        );
    }

    #[test]
    fn what_cannot_be_is_refused_at_once() {
        for (flag, reason) in [
            ("--terraform-url=ftp://example.com", "must begin with"),
            ("--terraform-url=https://u:p@example.com", "neither a user"),
            ("--terraform-version=0.15.5", "too old"),
            ("--terraform-version=1.15.5-../../x", "is no version"),
            ("--terraform-sha256=abc", "64 hexadecimal digits"),
            (
                "--terraform-env=AWS_PROFILE,CODER_PG_CONNECTION_URL",
                "the server's own settings",
            ),
            ("--terraform-env=PGPASSWORD", "PostgreSQL's clients"),
            (
                "--terraform-env=AWS_PROFILE=dev",
                "is no name of a variable",
            ),
        ] {
            let error = parsed(&[flag]).expect_err(flag);
            assert!(error.contains(reason), "{flag}: {error}");
        }
    }
}

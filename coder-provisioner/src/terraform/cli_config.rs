//! Terraform's CLI configuration, and the mirror through which templates get our provider.
//!
//! Templates ask for `coder/coder`. A filesystem mirror answers with our own binary, so that
//! nothing is downloaded; every other provider comes from its registry.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::workdir::create_private;
use crate::{Error, Result};

const PROVIDER: &str = "registry.terraform.io/coder/coder";
const PROVIDER_FILE: &str = "terraform-provider-coder";
/// The version that our provider is offered as. Higher than every published one, so that open
/// constraints such as `>= 2.4.0` and `~> 2.0` take it.
const PROVIDER_VERSION: &str = "2.99.0";
/// Further versions that one template may ask for exactly.
const MAX_PINNED: usize = 8;

/// Our files in the cache directory.
#[derive(Debug)]
pub(super) struct CliConfig {
    mirror: PathBuf,
    provider_binary: Option<PathBuf>,
    /// The configuration file.
    pub(super) file: PathBuf,
    /// Where Terraform keeps the providers it downloads.
    pub(super) plugin_cache: PathBuf,
}

impl CliConfig {
    /// Writes the configuration and the mirror. Blocks.
    pub(super) fn prepare(cache: &Path, provider_binary: Option<&Path>) -> Result<Self> {
        let config = Self {
            mirror: cache.join("mirror"),
            provider_binary: provider_binary.map(Path::to_owned),
            file: cache.join("terraform.rc"),
            plugin_cache: cache.join("plugins"),
        };
        let prepare = || {
            create_private(&config.plugin_cache)?;
            create_private(&config.mirror)?;
            config.offer(PROVIDER_VERSION)?;
            replace_file(&config.file, config.text().as_bytes())
        };
        prepare().map_err(|error| Error::internal("prepare Terraform's configuration", error))?;
        Ok(config)
    }

    /// Offers our provider under the versions that a template's constraints name, so that a
    /// template which pins one works too. Blocks.
    pub(super) fn offer_pinned(&self, constraints: &[String]) -> Result<()> {
        for version in pinned_versions(constraints) {
            self.offer(&version)
                .map_err(|error| Error::internal("extend the mirror", error))?;
        }
        Ok(())
    }

    fn offer(&self, version: &str) -> io::Result<()> {
        let Some(binary) = &self.provider_binary else {
            return Ok(());
        };
        let folder = self.mirror.join(PROVIDER).join(version).join(platform());
        create_private(&folder)?;
        let link = folder.join(PROVIDER_FILE);
        if fs::read_link(&link).is_ok_and(|target| target == *binary) {
            return Ok(());
        }
        // Renaming replaces the link of an earlier installation at once.
        let fresh = folder.join(format!(".{PROVIDER_FILE}.{}", std::process::id()));
        let _ = fs::remove_file(&fresh);
        symlink(binary, &fresh)?;
        fs::rename(&fresh, &link)
    }

    fn text(&self) -> String {
        let mut text = "disable_checkpoint = true\n\
            plugin_cache_may_break_dependency_lock_file = true\n"
            .to_owned();
        if self.provider_binary.is_some() {
            let mirror = hcl_string(&self.mirror.to_string_lossy());
            text.push_str(&format!(
                "provider_installation {{\n  filesystem_mirror {{\n    path    = {mirror}\n    \
                 include = [\"{PROVIDER}\"]\n  }}\n  direct {{\n    exclude = [\"{PROVIDER}\"]\n  \
                 }}\n}}\n"
            ));
        }
        text
    }
}

/// The exact versions in constraints such as `2.4.2`, `= 2.4.2` or `~> 1.0.3`, but for the one
/// that is there anyway. A hostile template can name a few, not fill the disk.
fn pinned_versions(constraints: &[String]) -> BTreeSet<String> {
    let number = |text: &str| {
        (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    constraints
        .iter()
        .flat_map(|constraint| constraint.split(','))
        .filter_map(|part| {
            let version = part
                .trim()
                .trim_start_matches(['=', '~', '>', '<', '!', ' ']);
            let mut parts: Vec<&str> = version.split('.').collect();
            if parts.len() > 3 || !parts.iter().all(|part| number(part)) {
                return None;
            }
            parts.resize(3, "0");
            Some(parts.join("."))
        })
        .filter(|version| version != PROVIDER_VERSION)
        .take(MAX_PINNED)
        .collect()
}

/// Drops the entry of our provider from a dependency lock file: its hashes are those of somebody
/// else's binary.
pub(super) fn without_own_lock(lock: &str) -> String {
    let mut kept = String::with_capacity(lock.len());
    let mut inside = false;
    for line in lock.lines() {
        if line
            .trim_start()
            .starts_with(&format!("provider \"{PROVIDER}\""))
        {
            inside = true;
        }
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
        if inside && line.trim_end() == "}" {
            inside = false;
        }
    }
    kept
}

/// The name of this platform among Terraform's.
fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        system => system,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        machine => machine,
    };
    format!("{system}_{machine}")
}

fn hcl_string(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace("${", "$${").replace("%{", "%%{"))
}

fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension(format!("{}", std::process::id()));
    let _ = fs::remove_file(&fresh);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(&fresh)?.write_all(content)?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_name_versions() {
        let of = |constraint: &str| {
            pinned_versions(&[constraint.to_owned()])
                .into_iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(of("2.4.2"), ["2.4.2"]);
        assert_eq!(of(" >= 2.4, < 3.0.0"), ["2.4.0", "3.0.0"]);
        assert_eq!(of("~> 1"), ["1.0.0"]);
        assert!(of("2.99.0").is_empty());
        for odd in ["", "../../x", "1.2.3.4", "99999.0.0", "2.x", "1.-1.0"] {
            assert!(of(odd).is_empty(), "{odd}");
        }
        let many: Vec<_> = (0..100).map(|patch| format!("1.0.{patch}")).collect();
        assert_eq!(pinned_versions(&many).len(), MAX_PINNED);
    }

    #[test]
    fn our_entry_leaves_the_lock_file() {
        let lock = "provider \"registry.terraform.io/coder/coder\" {\n  version = \"2.4.0\"\n  \
                    hashes = [\n    \"h1:x\",\n  ]\n}\n\nprovider \
                    \"registry.terraform.io/hashicorp/null\" {\n  version = \"3.2.3\"\n}\n";
        let kept = without_own_lock(lock);
        assert!(!kept.contains("coder/coder"), "{kept}");
        assert!(kept.contains("3.2.3"), "{kept}");
    }

    #[test]
    fn the_mirror_follows_the_binary() {
        let cache = tempfile::tempdir().unwrap();
        let link = cache
            .path()
            .join("mirror")
            .join(PROVIDER)
            .join(PROVIDER_VERSION);
        let link = link.join(platform()).join(PROVIDER_FILE);
        for binary in ["/opt/one", "/opt/two"] {
            CliConfig::prepare(cache.path(), Some(Path::new(binary))).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(binary));
        }
        let text = fs::read_to_string(cache.path().join("terraform.rc")).unwrap();
        assert!(text.contains("filesystem_mirror"), "{text}");
    }
}

//! Terraform's CLI configuration, and the mirror through which templates get our provider.
//!
//! Templates ask for `coder/coder`. A filesystem mirror answers with our own binary, so that
//! nothing is downloaded; every other provider comes from its registry, or from where the
//! administrator's own configuration (`TF_CLI_CONFIG_FILE`) says.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hcl::expr::Expression;
use hcl::structure::{Attribute, Block, Body, Structure};

use super::cache_sweep;
use super::workdir::create_private;
use crate::{Error, ErrorKind, Result};

/// What `coder/coder` means to Terraform and to OpenTofu.
const PROVIDERS: [&str; 2] = [
    "registry.terraform.io/coder/coder",
    "registry.opentofu.org/coder/coder",
];
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
    /// The same for when there is no network: providers come from the plugin cache.
    pub(super) offline_file: PathBuf,
    /// Where Terraform keeps the providers it downloads.
    pub(super) plugin_cache: PathBuf,
    /// Changes when providers are installed from elsewhere, or our own has changed.
    pub(super) fingerprint: String,
}

impl CliConfig {
    /// Writes the configurations and the mirror. Blocks.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when `own`, the administrator's configuration, cannot be read.
    pub(super) fn prepare(
        cache: &Path,
        provider_binary: Option<&Path>,
        own: Option<&Path>,
    ) -> Result<Self> {
        let own = own.map_or_else(|| Ok(Body::default()), read_own)?;
        let mut config = Self {
            mirror: cache.join("mirror"),
            provider_binary: provider_binary.map(Path::to_owned),
            file: cache.join("terraform.rc"),
            offline_file: cache.join("terraform-offline.rc"),
            plugin_cache: cache.join("plugins"),
            fingerprint: String::new(),
        };
        let prepare = || {
            create_private(&config.plugin_cache)?;
            create_private(&config.mirror)?;
            config.offer(PROVIDER_VERSION)?;
            let text = config.text(own)?;
            replace_file(&config.file, text.as_bytes())?;
            replace_file(&config.offline_file, config.offline_text()?.as_bytes())?;
            let provider = config
                .provider_binary
                .as_deref()
                .map(identity)
                .transpose()?;
            Ok::<_, io::Error>(format!("{text}{}", provider.unwrap_or_default()))
        };
        config.fingerprint = prepare()
            .map_err(|error| Error::internal("prepare Terraform's configuration", error))?;
        Ok(config)
    }

    /// Offers our provider, also under the versions that a template's constraints name, so that a
    /// template which pins one works too. Blocks.
    pub(super) fn offer_pinned(&self, constraints: &[String]) -> Result<()> {
        let pinned = pinned_versions(constraints);
        for version in pinned.iter().map(String::as_str).chain([PROVIDER_VERSION]) {
            self.offer(version)
                .map_err(|error| Error::internal("extend the mirror", error))?;
        }
        Ok(())
    }

    /// Removes what is unused or too much, here and among the `results` of `init`. Blocks.
    pub(super) fn sweep(&self, results: &Path, limit: u64, now: SystemTime) {
        cache_sweep::sweep(results, &[&self.plugin_cache, &self.mirror], limit, now);
    }

    fn offer(&self, version: &str) -> io::Result<()> {
        let Some(binary) = &self.provider_binary else {
            return Ok(());
        };
        for provider in PROVIDERS {
            let folder = self.mirror.join(provider).join(version).join(platform());
            create_private(&folder)?;
            let link = folder.join(PROVIDER_FILE);
            if fs::read_link(&link).is_ok_and(|target| target == *binary) {
                continue;
            }
            // Renaming replaces the link of an earlier installation at once.
            let fresh = folder.join(format!(".{PROVIDER_FILE}.{}", std::process::id()));
            let _ = fs::remove_file(&fresh);
            symlink(binary, &fresh)?;
            fs::rename(&fresh, &link)?;
        }
        Ok(())
    }

    /// The administrator's configuration with our provider put in front.
    fn text(&self, own: Body) -> io::Result<String> {
        let mut body = Body::default();
        let mut methods = Vec::new();
        for structure in own {
            match structure {
                Structure::Block(block) if block.identifier() == INSTALLATION => {
                    methods.extend(block.body);
                }
                // The cache is ours, since we bound it.
                Structure::Attribute(attribute) if attribute.key() == "plugin_cache_dir" => {}
                Structure::Attribute(attribute) if OWN_SETTINGS.contains(&attribute.key()) => {}
                other => body.0.push(other),
            }
        }
        for setting in OWN_SETTINGS {
            body.0.push(Attribute::new(setting, true).into());
        }
        if self.provider_binary.is_some() {
            if methods.is_empty() {
                methods.push(Block::new("direct").into());
            }
            methods = methods.into_iter().map(without_ours).collect();
            methods.insert(0, self.mirror_of_ours());
        }
        if !methods.is_empty() {
            body.0.push(installation(methods));
        }
        written(&body)
    }

    /// Our provider and the plugin cache, and nothing that needs a network.
    fn offline_text(&self) -> io::Result<String> {
        let cache = mirror(&self.plugin_cache);
        let mut methods = vec![cache];
        if self.provider_binary.is_some() {
            methods = methods.into_iter().map(without_ours).collect();
            methods.insert(0, self.mirror_of_ours());
        }
        let mut body = Body::default();
        for setting in OWN_SETTINGS {
            body.0.push(Attribute::new(setting, true).into());
        }
        body.0.push(installation(methods));
        written(&body)
    }

    fn mirror_of_ours(&self) -> Structure {
        let include = Attribute::new("include", provider_list(&[]));
        with_attribute(mirror(&self.mirror), include)
    }
}

const INSTALLATION: &str = "provider_installation";
/// Terraform asks its maker for news unless told otherwise; the cache may serve a provider without
/// all the hashes that a lock file could have.
const OWN_SETTINGS: [&str; 2] = [
    "disable_checkpoint",
    "plugin_cache_may_break_dependency_lock_file",
];

fn read_own(path: &Path) -> Result<Body> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), "TF_CLI_CONFIG_FILE names a file that is not there");
            return Ok(Body::default());
        }
        Err(error) => return Err(unusable(path).with_source(error)),
    };
    hcl::parse(&text).map_err(|error| unusable(path).with_source(error))
}

fn unusable(path: &Path) -> Error {
    let text = format!(
        "{}, which TF_CLI_CONFIG_FILE names, cannot be read; correct it or unset the variable",
        path.display()
    );
    Error::new(ErrorKind::Unavailable, text)
}

/// A method of installation that leaves our provider alone.
fn without_ours(method: Structure) -> Structure {
    let Structure::Block(block) = method else {
        return method;
    };
    if block.identifier() == "dev_overrides" {
        return block.into();
    }
    let mut excluded = Vec::new();
    let (body, before): (Vec<_>, Vec<_>) = block.body.into_iter().partition(|part| {
        part.as_attribute()
            .is_none_or(|part| part.key() != "exclude")
    });
    for attribute in before.into_iter().filter_map(Structure::into_attribute) {
        if let Expression::Array(list) = attribute.expr {
            excluded.extend(list);
        }
    }
    let mut block = Block {
        body: Body(body),
        ..Block::new(block.identifier.as_str())
    };
    let exclude = Attribute::new("exclude", provider_list(&excluded));
    block.body.0.push(exclude.into());
    block.into()
}

fn provider_list(more: &[Expression]) -> Expression {
    let ours = PROVIDERS.iter().map(|provider| Expression::from(*provider));
    Expression::Array(more.iter().cloned().chain(ours).collect())
}

fn mirror(path: &Path) -> Structure {
    let path = Attribute::new("path", path.to_string_lossy().into_owned());
    Block::builder("filesystem_mirror")
        .add_attribute(path)
        .build()
        .into()
}

fn with_attribute(method: Structure, attribute: Attribute) -> Structure {
    match method {
        Structure::Block(mut block) => {
            block.body.0.push(attribute.into());
            block.into()
        }
        other => other,
    }
}

fn installation(methods: Vec<Structure>) -> Structure {
    Block {
        body: Body(methods),
        ..Block::new(INSTALLATION)
    }
    .into()
}

fn written(body: &Body) -> io::Result<String> {
    hcl::to_string(body).map_err(io::Error::other)
}

/// What changes when a binary does.
fn identity(binary: &Path) -> io::Result<String> {
    let found = fs::metadata(binary)?;
    Ok(format!(
        "{} {} {:?}",
        binary.display(),
        found.len(),
        found.modified()?
    ))
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
            .strip_prefix("provider \"")
            .is_some_and(|rest| PROVIDERS.iter().any(|provider| rest.starts_with(provider)))
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
pub(super) fn platform() -> String {
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
            .join(PROVIDERS[0])
            .join(PROVIDER_VERSION);
        let link = link.join(platform()).join(PROVIDER_FILE);
        let mut fingerprints = BTreeSet::new();
        for name in ["one", "two"] {
            let binary = cache.path().join(name);
            fs::write(&binary, "").unwrap();
            let config = CliConfig::prepare(cache.path(), Some(&binary), None).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), binary);
            fingerprints.insert(config.fingerprint);
        }
        assert_eq!(fingerprints.len(), 2);
        let text = fs::read_to_string(cache.path().join("terraform.rc")).unwrap();
        assert!(text.contains("filesystem_mirror"), "{text}");
    }

    #[test]
    fn the_administrators_configuration_is_kept() {
        let cache = tempfile::tempdir().unwrap();
        let own = cache.path().join("own.rc");
        let text = "plugin_cache_dir = \"/elsewhere\"\ncredentials \"example.com\" {\n  token = \"t\"\n}\n\
                    provider_installation {\n  network_mirror {\n    url = \"https://mirror.example.com/\"\n    \
                    exclude = [\"a/b\"]\n  }\n}\n";
        fs::write(&own, text).unwrap();
        let binary = cache.path().join("provider");
        fs::write(&binary, "").unwrap();
        CliConfig::prepare(cache.path(), Some(&binary), Some(&own)).unwrap();
        let text = fs::read_to_string(cache.path().join("terraform.rc")).unwrap();
        let body: Body = hcl::parse(&text).unwrap();
        let blocks: Vec<_> = body.blocks().map(Block::identifier).collect();
        assert_eq!(blocks, ["credentials", INSTALLATION], "{text}");
        let methods: Vec<_> = body.blocks().next_back().unwrap().body.blocks().collect();
        let names: Vec<_> = methods.iter().map(|method| method.identifier()).collect();
        assert_eq!(names, ["filesystem_mirror", "network_mirror"], "{text}");
        let excluded = methods[1].body.attributes().next_back().unwrap();
        assert_eq!(excluded.key(), "exclude");
        let Expression::Array(excluded) = excluded.expr() else {
            panic!("{text}")
        };
        assert_eq!(excluded.len(), 3, "{text}");
        assert!(
            !text.contains("elsewhere") && !text.contains("direct"),
            "{text}"
        );

        fs::write(&own, "provider_installation {").unwrap();
        let error = CliConfig::prepare(cache.path(), Some(&binary), Some(&own)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("own.rc"), "{error}");
    }
}

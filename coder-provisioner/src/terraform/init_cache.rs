//! What `terraform init` made of a template, kept for the next session on the same one.
//!
//! `init` looks for modules and providers and writes down what it found: the folder `.terraform`
//! and the lock file. Both follow from the template, Terraform and the installation of providers,
//! so a build of a template that was initialised before takes a copy, runs no `init` and needs no
//! network. Providers themselves are not copied: `.terraform` has links to the plugin cache, and an
//! entry whose links lead nowhere is not used.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use coder_core::clock::OsEntropy;
use coder_core::id::random_uuid;
use sha2::{Digest as _, Sha256};

use super::workdir::create_private;

/// Where `init` writes.
const DOT_TERRAFORM: &str = ".terraform";
const LOCK_FILE: &str = ".terraform.lock.hcl";
/// Our copies, and the dependency graph, which follows from the same inputs.
const COPY: &str = "dot-terraform";
const LOCK_COPY: &str = "lock.hcl";
const GRAPH: &str = "graph.dot";

/// Largest `.terraform` that is kept. Modules are source text; what is larger is initialised
/// each time.
const MAX_ENTRY_BYTES: u64 = 256 * 1024 * 1024;
const MAX_ENTRY_FILES: usize = 50_000;

/// The kept results. All methods block.
#[derive(Debug, Clone)]
pub(super) struct InitCache {
    root: PathBuf,
}

/// Names what a result follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InitKey(String);

impl InitKey {
    /// A key of everything that decides what `init` does.
    pub(super) fn new(inputs: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for input in inputs {
            hash.update(u64::try_from(input.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(input);
        }
        Self(
            hash.finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }
}

/// What was found besides the files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Restored {
    /// The dependency graph, when it was read before.
    pub(super) graph: Option<String>,
}

impl InitCache {
    /// The results kept below `cache`.
    pub(super) fn new(cache: &Path) -> Self {
        Self {
            root: cache.join("init"),
        }
    }

    /// The folder of all entries.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Puts an earlier result into `template`. `None` when there is none that can be used; then
    /// `template` is as before the first `init`.
    pub(super) fn restore(
        &self,
        key: &InitKey,
        template: &Path,
        now: SystemTime,
    ) -> Option<Restored> {
        let entry = self.entry(key);
        if !entry.join(COPY).is_dir() {
            return None;
        }
        match restore(&entry, template, now) {
            Ok(restored) => Some(restored),
            Err(error) => {
                tracing::info!(%error, "a kept result of terraform init cannot be used");
                let _ = fs::remove_dir_all(template.join(DOT_TERRAFORM));
                None
            }
        }
    }

    /// Keeps the result of an `init` in `template`. A result that cannot be kept is not: it holds
    /// settings of a back end, or is too large.
    pub(super) fn store(&self, key: &InitKey, template: &Path, now: SystemTime) -> io::Result<()> {
        let made = template.join(DOT_TERRAFORM);
        note_uses(&made.join("providers"), PROVIDER_DEPTH, now);
        // Written when the template configures a back end, which may depend on the environment.
        if made.join("terraform.tfstate").exists() {
            return Ok(());
        }
        create_private(&self.root)?;
        let fresh = self.root.join(format!(".{}", random_uuid(&OsEntropy)));
        let stored = self.fill(&fresh, template, &made).and_then(|()| {
            let entry = self.entry(key);
            // Only whole entries have the final name.
            if entry.exists() {
                fs::remove_dir_all(&entry)?;
            }
            fs::rename(&fresh, &entry)
        });
        if stored.is_err() {
            let _ = fs::remove_dir_all(&fresh);
        }
        stored
    }

    /// Keeps the dependency graph with the result.
    pub(super) fn store_graph(&self, key: &InitKey, graph: &[u8]) -> io::Result<()> {
        let entry = self.entry(key);
        if !entry.is_dir() {
            return Ok(());
        }
        let fresh = entry.join(format!(".{}", random_uuid(&OsEntropy)));
        fs::write(&fresh, graph)?;
        fs::rename(fresh, entry.join(GRAPH))
    }

    /// Drops a result that turned out not to work.
    pub(super) fn forget(&self, key: &InitKey) {
        let _ = fs::remove_dir_all(self.entry(key));
    }

    fn fill(&self, fresh: &Path, template: &Path, made: &Path) -> io::Result<()> {
        create_private(fresh)?;
        let mut budget = Budget::default();
        if made.is_dir() {
            copy_tree(made, &fresh.join(COPY), &mut budget)?;
        } else {
            // A template without modules and providers: there is nothing, which is a result too.
            create_private(&fresh.join(COPY))?;
        }
        match fs::copy(template.join(LOCK_FILE), fresh.join(LOCK_COPY)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn entry(&self, key: &InitKey) -> PathBuf {
        self.root.join(&key.0)
    }
}

fn restore(entry: &Path, template: &Path, now: SystemTime) -> io::Result<Restored> {
    let target = template.join(DOT_TERRAFORM);
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    let mut budget = Budget::default();
    copy_tree(&entry.join(COPY), &target, &mut budget)?;
    for provider in &budget.links {
        // Follows the link: what was swept meanwhile is an error.
        fs::metadata(provider)?;
        touch_version(provider, now);
    }
    let lock = template.join(LOCK_FILE);
    match fs::copy(entry.join(LOCK_COPY), &lock) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let _ = fs::remove_file(&lock);
        }
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    touch(entry, now);
    let graph = match fs::read_to_string(entry.join(GRAPH)) {
        Ok(graph) => Some(graph),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    Ok(Restored { graph })
}

/// What a copy has taken, and the links it met.
#[derive(Default)]
struct Budget {
    bytes: u64,
    files: usize,
    links: Vec<PathBuf>,
}

/// Copies files, folders and links as they are.
fn copy_tree(from: &Path, to: &Path, budget: &mut Budget) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    for found in fs::read_dir(from)? {
        let found = found?;
        let (kind, target) = (found.file_type()?, to.join(found.file_name()));
        budget.files += 1;
        if budget.files > MAX_ENTRY_FILES {
            return Err(io::Error::other("too many files"));
        }
        if kind.is_dir() {
            copy_tree(&found.path(), &target, budget)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(found.path())?, &target)?;
            budget.links.push(target);
        } else if kind.is_file() {
            budget.bytes += found.metadata()?.len();
            if budget.bytes > MAX_ENTRY_BYTES {
                return Err(io::Error::other("too large"));
            }
            fs::copy(found.path(), &target)?;
        } else {
            return Err(io::Error::other("neither file nor folder nor link"));
        }
    }
    Ok(())
}

/// Links are below host, namespace, type and version.
const PROVIDER_DEPTH: usize = 4;

/// Notes the use of all providers that are linked from `folder`.
fn note_uses(folder: &Path, depth: usize, now: SystemTime) {
    for found in fs::read_dir(folder).into_iter().flatten().flatten() {
        if depth == 0 {
            touch_version(&found.path(), now);
        } else {
            note_uses(&found.path(), depth - 1, now);
        }
    }
}

/// Notes that the version of a provider was used: `link` leads to `…/<version>/<platform>`.
fn touch_version(link: &Path, now: SystemTime) {
    if let Ok(package) = fs::canonicalize(link)
        && let Some(version) = package.parent()
    {
        touch(version, now);
    }
}

/// Notes a use, which is what [`super::cache_sweep`] goes by.
fn touch(path: &Path, now: SystemTime) {
    let touched = File::open(path).and_then(|file| file.set_modified(now));
    if let Err(error) = touched {
        tracing::debug!(path = %path.display(), %error, "a use cannot be noted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    struct World {
        folder: tempfile::TempDir,
        cache: InitCache,
        key: InitKey,
    }

    impl World {
        /// An entry with one module, one provider and a lock file.
        fn stored() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let provider = folder.path().join("plugins/x/1.0.0/linux_amd64");
            fs::create_dir_all(&provider).unwrap();
            let first = folder.path().join("first/.terraform");
            fs::create_dir_all(first.join("modules/m")).unwrap();
            fs::create_dir_all(first.join("providers/x/1.0.0")).unwrap();
            fs::write(first.join("modules/m/main.tf"), "module").unwrap();
            symlink(&provider, first.join("providers/x/1.0.0/linux_amd64")).unwrap();
            fs::write(folder.path().join("first").join(LOCK_FILE), "lock").unwrap();
            let cache = InitCache::new(&folder.path().join("cache"));
            let key = InitKey::new(&[b"a"]);
            cache
                .store(&key, &folder.path().join("first"), NOW)
                .unwrap();
            Self { folder, cache, key }
        }

        fn template(&self) -> PathBuf {
            let path = self.folder.path().join("second");
            fs::create_dir_all(&path).unwrap();
            path
        }
    }

    #[test]
    fn a_result_comes_back_whole() {
        let world = World::stored();
        let template = world.template();
        let restored = world.cache.restore(&world.key, &template, NOW).unwrap();
        assert_eq!(restored, Restored::default());
        let read = |path: &str| fs::read_to_string(template.join(path)).unwrap();
        assert_eq!(read(".terraform/modules/m/main.tf"), "module");
        assert_eq!(read(LOCK_FILE), "lock");
        let link = template.join(".terraform/providers/x/1.0.0/linux_amd64");
        assert!(
            fs::read_link(link)
                .unwrap()
                .ends_with("plugins/x/1.0.0/linux_amd64")
        );

        world.cache.store_graph(&world.key, b"digraph").unwrap();
        let restored = world.cache.restore(&world.key, &template, NOW).unwrap();
        assert_eq!(restored.graph.as_deref(), Some("digraph"));
    }

    #[test]
    fn an_entry_without_its_provider_is_not_used() {
        let world = World::stored();
        fs::remove_dir_all(world.folder.path().join("plugins")).unwrap();
        let template = world.template();
        assert_eq!(world.cache.restore(&world.key, &template, NOW), None);
        assert!(!template.join(DOT_TERRAFORM).exists());
    }

    #[test]
    fn other_inputs_and_forgotten_ones_are_not_found() {
        let world = World::stored();
        let template = world.template();
        assert_eq!(
            world.cache.restore(&InitKey::new(&[b"b"]), &template, NOW),
            None
        );
        world.cache.forget(&world.key);
        assert_eq!(world.cache.restore(&world.key, &template, NOW), None);
        assert_ne!(InitKey::new(&[b"ab", b""]), InitKey::new(&[b"a", b"b"]));
    }

    #[test]
    fn a_back_end_is_not_kept() {
        let world = World::stored();
        let template = world.template();
        fs::create_dir_all(template.join(DOT_TERRAFORM)).unwrap();
        fs::write(template.join(".terraform/terraform.tfstate"), "{}").unwrap();
        let key = InitKey::new(&[b"with a back end"]);
        world.cache.store(&key, &template, NOW).unwrap();
        assert_eq!(world.cache.restore(&key, &template, NOW), None);
    }
}

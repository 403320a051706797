//! Keeps the caches within bounds.
//!
//! What counts is the last use, which is noted as the modification time of an entry's folder.
//! Results of `init` are dropped first, since they are made again from the plugin cache alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Unused for this long, a provider or a result of `init` goes.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);
/// What was used this recently stays, whatever the size: a build may be using it.
const IN_USE: Duration = Duration::from_secs(2 * 3600);
/// Folders below a cache of providers: host, namespace, type, version.
const PROVIDER_DEPTH: usize = 4;
/// Results of `init` that are kept at most.
const MAX_RESULTS: usize = 1000;

/// Removes from `results` (one folder each) and from `plugins` (`host/namespace/type/version`) what
/// is old, and then the oldest, until both together take at most `limit` bytes. Blocks.
pub(super) fn sweep(results: &Path, plugins: &[&Path], limit: u64, now: SystemTime) {
    let mut kept = entries(results, 1);
    kept.sort_by_key(|entry| std::cmp::Reverse(entry.used));
    let surplus = kept.split_off(kept.len().min(MAX_RESULTS));
    let mut total = 0;
    let mut all = Vec::new();
    for entry in kept {
        all.push((0, entry));
    }
    for folder in plugins {
        all.extend(
            entries(folder, PROVIDER_DEPTH)
                .into_iter()
                .map(|entry| (1, entry)),
        );
    }
    // Newest first, results after providers: what no longer fits is at the end.
    all.sort_by_key(|(kind, entry)| (std::cmp::Reverse(*kind), std::cmp::Reverse(entry.used)));
    for entry in surplus {
        remove(&entry, now);
    }
    for (_, entry) in all {
        let age = now.duration_since(entry.used).unwrap_or_default();
        if age > UNUSED {
            remove(&entry, now);
            continue;
        }
        let size = size(&entry.path);
        if total + size > limit && age > IN_USE {
            remove(&entry, now);
        } else {
            total += size;
        }
    }
}

struct Entry {
    path: PathBuf,
    used: SystemTime,
}

fn entries(folder: &Path, depth: usize) -> Vec<Entry> {
    let Ok(found) = fs::read_dir(folder) else {
        return Vec::new();
    };
    found
        .flatten()
        .filter_map(|found| {
            let data = found.metadata().ok()?;
            data.is_dir()
                .then_some((found.path(), data.modified().ok()?))
        })
        .flat_map(|(path, used)| match depth {
            1 => vec![Entry { path, used }],
            _ => entries(&path, depth - 1),
        })
        .collect()
}

/// Bytes of the files below `path`; links count nothing.
fn size(path: &Path) -> u64 {
    let Ok(found) = fs::read_dir(path) else {
        return 0;
    };
    found
        .flatten()
        .filter_map(|found| {
            Some((
                found.path(),
                found.file_type().ok()?,
                found.metadata().ok()?,
            ))
        })
        .map(|(path, kind, data)| {
            if kind.is_dir() {
                size(&path)
            } else {
                data.len()
            }
        })
        .sum()
}

fn remove(entry: &Entry, now: SystemTime) {
    if now.duration_since(entry.used).unwrap_or_default() <= IN_USE {
        return;
    }
    match fs::remove_dir_all(&entry.path) {
        Ok(()) => tracing::info!(path = %entry.path.display(), "removed from the cache"),
        Err(error) => tracing::warn!(path = %entry.path.display(), %error, "stays in the cache"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Caches(tempfile::TempDir);

    impl Caches {
        fn add(&self, path: &str, bytes: usize) -> PathBuf {
            let path = self.0.path().join(path);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("file"), vec![0; bytes]).unwrap();
            path
        }

        fn sweep(&self, limit: u64, after: Duration) {
            let (results, plugins) = (self.0.path().join("init"), self.0.path().join("plugins"));
            let made = fs::metadata(self.0.path()).unwrap().modified().unwrap();
            sweep(&results, &[&plugins], limit, made + after);
        }
    }

    #[test]
    fn the_unused_goes() {
        let caches = Caches(tempfile::tempdir().unwrap());
        let result = caches.add("init/a", 10);
        let plugin = caches.add("plugins/h/n/t/1.0.0", 10);
        caches.sweep(1000, UNUSED - Duration::from_secs(60));
        assert!(result.exists() && plugin.exists());
        caches.sweep(1000, UNUSED + Duration::from_secs(60));
        assert!(!result.exists() && !plugin.exists());
        assert!(caches.0.path().join("plugins/h/n/t").exists());
    }

    #[test]
    fn the_size_is_bounded_and_results_go_first() {
        let caches = Caches(tempfile::tempdir().unwrap());
        let result = caches.add("init/a", 60);
        let plugin = caches.add("plugins/h/n/t/1.0.0", 60);
        caches.sweep(100, Duration::ZERO);
        assert!(result.exists() && plugin.exists(), "both may be in use");
        caches.sweep(100, IN_USE + Duration::from_secs(60));
        assert!(!result.exists() && plugin.exists());
    }

    #[test]
    fn results_are_counted() {
        let caches = Caches(tempfile::tempdir().unwrap());
        for number in 0..=MAX_RESULTS {
            fs::create_dir_all(caches.0.path().join(format!("init/{number}"))).unwrap();
        }
        caches.sweep(u64::MAX, IN_USE + Duration::from_secs(60));
        let left = fs::read_dir(caches.0.path().join("init")).unwrap().count();
        assert_eq!(left, MAX_RESULTS);
    }
}

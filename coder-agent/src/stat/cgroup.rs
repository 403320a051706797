//! Where the limits of this process are.

use std::io;

use super::Source;

/// The control group of this process for one controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cgroup {
    /// Version 2: one hierarchy; folders from the innermost to the outermost one.
    V2(Vec<String>),
    /// Version 1: a hierarchy for the controller; folders as above.
    V1(Vec<String>),
}

/// The group of this process for `controller`, if it is in one that files can be read of.
///
/// In a container the path in `/proc/self/cgroup` may be that of the machine, which is not
/// visible inside; then the mounted root is the container's own group.
pub(super) fn find(source: &Source, controller: &str, probe: &str) -> io::Result<Option<Cgroup>> {
    let memberships = source.read("/proc/self/cgroup")?.unwrap_or_default();
    let own = v1_path(&memberships, controller);
    let root = format!("/sys/fs/cgroup/{controller}");
    let folders = folders(&root, own.as_deref().unwrap_or("/"));
    if readable(source, &folders, probe)? {
        return Ok(Some(Cgroup::V1(folders)));
    }
    if source.read("/sys/fs/cgroup/cgroup.controllers")?.is_none() {
        return Ok(None);
    }
    let own = v2_path(&memberships).unwrap_or("/");
    Ok(Some(Cgroup::V2(self::folders("/sys/fs/cgroup", own))))
}

fn readable(source: &Source, folders: &[String], probe: &str) -> io::Result<bool> {
    for folder in folders {
        if source.read(format!("{folder}/{probe}"))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The smallest value of `file` in `folders`, as `parse` reads it. Every level limits.
pub(super) fn smallest<T: PartialOrd>(
    source: &Source,
    folders: &[String],
    file: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> io::Result<Option<T>> {
    let mut smallest: Option<T> = None;
    for folder in folders {
        let value = source
            .read(format!("{folder}/{file}"))?
            .and_then(|text| parse(&text));
        if let Some(value) = value
            && smallest.as_ref().is_none_or(|found| value < *found)
        {
            smallest = Some(value);
        }
    }
    Ok(smallest)
}

/// The value of `file` in the innermost folder that has it.
pub(super) fn innermost<T>(
    source: &Source,
    folders: &[String],
    file: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> io::Result<Option<T>> {
    for folder in folders {
        if let Some(text) = source.read(format!("{folder}/{file}"))? {
            return Ok(parse(&text));
        }
    }
    Ok(None)
}

/// `12:cpu,cpuacct:/some/path` names the path of each controller of version 1.
fn v1_path(memberships: &str, controller: &str) -> Option<String> {
    memberships.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        controllers
            .split(',')
            .any(|name| name == controller)
            .then(|| path.to_owned())
    })
}

/// `0::/some/path` names the path of version 2.
fn v2_path(memberships: &str) -> Option<&str> {
    memberships
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
}

/// `root` with `path` below it, and each folder up to `root`.
fn folders(root: &str, path: &str) -> Vec<String> {
    let mut folders = Vec::new();
    let mut rest = path.trim_matches('/');
    // The kernel writes `/..` for groups outside of what is visible.
    if rest.split('/').all(|part| part != "..") {
        while !rest.is_empty() {
            folders.push(format!("{root}/{rest}"));
            rest = rest.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }
    folders.push(root.to_owned());
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let memberships = "12:memory:/m\n4:cpu,cpuacct:/c\n0::/two\n";
        assert_eq!(v1_path(memberships, "cpuacct").as_deref(), Some("/c"));
        assert_eq!(v1_path(memberships, "pids"), None);
        assert_eq!(v2_path(memberships), Some("/two"));
        assert_eq!(folders("/r", "/a/b"), ["/r/a/b", "/r/a", "/r"]);
        assert_eq!(folders("/r", "/"), ["/r"]);
        assert_eq!(folders("/r", "/../../x"), ["/r"]);
    }
}

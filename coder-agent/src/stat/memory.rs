use std::io;

use super::cgroup::{self, Cgroup};
use super::source::unclear;
use super::{Prefix, Scope, Source, Usage};

/// Version 1 says "no limit" by the largest number of pages.
const NO_LIMIT: u64 = 1 << 62;

/// Memory in use. The page cache that can be dropped at once does not count.
///
/// # Errors
/// When the kernel's files cannot be read or are not understood.
pub fn memory(source: &Source, scope: Scope, prefix: Prefix) -> io::Result<Usage> {
    let (host_used, host_total) = host(&source.need("/proc/meminfo")?)?;
    let host = Usage::of_bytes(host_used, Some(host_total), prefix);
    if scope == Scope::Host {
        return Ok(host);
    }
    let group = cgroup::find(source, "memory", "memory.usage_in_bytes")?;
    let (folders, usage, limit, inactive) = match &group {
        Some(Cgroup::V1(folders)) => (
            folders,
            "memory.usage_in_bytes",
            "memory.limit_in_bytes",
            "total_inactive_file",
        ),
        Some(Cgroup::V2(folders)) => (folders, "memory.current", "memory.max", "inactive_file"),
        None => return Ok(host),
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let Some(total) = cgroup::smallest(source, folders, limit, number)?.filter(|&l| l < NO_LIMIT)
    else {
        return Ok(host);
    };
    let used = cgroup::innermost(source, folders, usage, number)?;
    let used = used.ok_or_else(|| unclear("memory use of the control group"))?;
    let cache = cgroup::innermost(source, folders, "memory.stat", |text| field(text, inactive))?;
    let used = used.saturating_sub(cache.unwrap_or(0));
    Ok(Usage::of_bytes(used, Some(total.min(host_total)), prefix))
}

/// Used and total bytes of the machine.
fn host(meminfo: &str) -> io::Result<(u64, u64)> {
    let kibibytes = |name: &str| field(meminfo, name).map(|value| value.saturating_mul(1024));
    let total = kibibytes("MemTotal:").ok_or_else(|| unclear("/proc/meminfo"))?;
    let available = kibibytes("MemAvailable:").or_else(|| kibibytes("MemFree:"));
    let available = available.ok_or_else(|| unclear("/proc/meminfo"))?;
    Ok((total.saturating_sub(available), total))
}

/// The number behind `name` at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(name))
            .then(|| words.next()?.parse().ok())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 12582912 kB\n";

    fn source(files: &[(&str, &str)]) -> (tempfile::TempDir, Source) {
        super::super::source::tests::source(files)
    }

    fn text(files: &[(&str, &str)], scope: Scope) -> String {
        let (_dir, source) = source(files);
        memory(&source, scope, Prefix::Gibi).unwrap().to_string()
    }

    #[test]
    fn machines() {
        assert_eq!(
            text(&[("proc/meminfo", MEMINFO)], Scope::Container),
            "4/16 GiB (25%)"
        );
        let (_dir, broken) = source(&[("proc/meminfo", "nonsense")]);
        assert!(memory(&broken, Scope::Host, Prefix::Gibi).is_err());
    }

    #[test]
    fn control_groups_of_version_2() {
        let mut files = vec![
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/cgroup.controllers", "cpu memory\n"),
            ("sys/fs/cgroup/a/b/memory.current", "1610612736\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            (
                "sys/fs/cgroup/a/b/memory.stat",
                "anon 5\ninactive_file 536870912\n",
            ),
            ("sys/fs/cgroup/a/memory.max", "4294967296\n"),
        ];
        assert_eq!(text(&files, Scope::Container), "1/4 GiB (25%)");
        assert_eq!(text(&files, Scope::Host), "4/16 GiB (25%)");
        files.pop();
        assert_eq!(
            text(&files, Scope::Container),
            "4/16 GiB (25%)",
            "nothing limits"
        );
    }

    #[test]
    fn control_groups_of_version_1_seen_from_inside() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "9:memory:/docker/0123\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "2147483648\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "8589934592\n"),
            (
                "sys/fs/cgroup/memory/memory.stat",
                "total_inactive_file 0\n",
            ),
        ];
        assert_eq!(text(&files, Scope::Container), "2/8 GiB (25%)");
        let mut unlimited = files;
        unlimited[3].1 = "9223372036854771712\n";
        assert_eq!(text(&unlimited, Scope::Container), "4/16 GiB (25%)");
    }
}

use std::io;
use std::time::Duration;

use super::cgroup::{self, Cgroup};
use super::source::unclear;
use super::{Scope, Source, Usage};

/// How long use is watched.
pub(super) const SAMPLE: Duration = Duration::from_millis(200);

/// Nanoseconds of one tick of `/proc/stat`: the kernel shows 100 a second on every architecture.
const TICK_NANOSECONDS: u64 = 10_000_000;

/// Cores in use, watched while `wait` waits for 200 ms; it gives how long that really took.
///
/// # Errors
/// When the kernel's files cannot be read or are not understood.
pub fn cpu(
    source: &Source,
    scope: Scope,
    wait: impl FnOnce(Duration) -> Duration,
) -> io::Result<Usage> {
    let host_cores = cores(&source.need("/proc/stat")?)?;
    let group = match scope {
        Scope::Host => None,
        Scope::Container => cgroup::find(source, "cpuacct", "cpuacct.usage")?,
    };
    let limit = match &group {
        Some(group) => limit(source, group)?,
        None => None,
    };
    // A group without a limit shares the machine with everybody.
    let group = group.filter(|_| limit.is_some());
    let before = used_nanoseconds(source, group.as_ref())?;
    let waited = wait(SAMPLE);
    let used = used_nanoseconds(source, group.as_ref())?.saturating_sub(before);
    let used = Duration::from_nanos(used).as_secs_f64() / waited.as_secs_f64().max(1e-3);
    let total = limit.map_or(host_cores, |limit| limit.min(host_cores));
    Ok(Usage {
        used: used.min(host_cores),
        total: Some(total),
        unit: "cores".to_owned(),
    })
}

/// CPU time used so far by the group, or by the machine.
fn used_nanoseconds(source: &Source, group: Option<&Cgroup>) -> io::Result<u64> {
    let used = match group {
        Some(Cgroup::V1(folders)) => {
            let number = |text: &str| text.trim().parse().ok();
            cgroup::innermost(source, folders, "cpuacct.usage", number)?
        }
        Some(Cgroup::V2(folders)) => {
            cgroup::innermost(source, folders, "cpu.stat", usage_nanoseconds)?
        }
        None => busy_nanoseconds(&source.need("/proc/stat")?),
    };
    used.ok_or_else(|| unclear("CPU time"))
}

/// How many cores the group may use.
fn limit(source: &Source, group: &Cgroup) -> io::Result<Option<f64>> {
    match group {
        Cgroup::V2(folders) => cgroup::smallest(source, folders, "cpu.max", quota),
        Cgroup::V1(folders) => {
            // The controllers are mounted together, and as links under each of their names.
            let folders: Vec<String> = folders
                .iter()
                .map(|folder| folder.replacen("/cpuacct", "/cpu", 1))
                .collect();
            let number = |text: &str| text.trim().parse::<f64>().ok().filter(|&n| n > 0.0);
            let quota = cgroup::smallest(source, &folders, "cpu.cfs_quota_us", number)?;
            let period = cgroup::innermost(source, &folders, "cpu.cfs_period_us", number)?;
            Ok(quota.zip(period).map(|(quota, period)| quota / period))
        }
    }
}

/// `max 100000` or `150000 100000`: time and period.
fn quota(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period) = (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

fn usage_nanoseconds(stat: &str) -> Option<u64> {
    let usage = stat
        .lines()
        .find_map(|line| line.strip_prefix("usage_usec "))?;
    usage.trim().parse::<u64>().ok()?.checked_mul(1_000)
}

/// User, nice, system, interrupts and stolen time, without idle and waiting.
fn busy_nanoseconds(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let mut ticks = line
        .split_whitespace()
        .map(|word| word.parse::<u64>().unwrap_or(0));
    let (user, nice, system) = (ticks.next()?, ticks.next()?, ticks.next()?);
    let (_idle, _waiting) = (ticks.next()?, ticks.next()?);
    // Guest time, which follows, is contained in user and nice.
    let rest: u64 = ticks.take(3).sum();
    Some((user + nice + system + rest).saturating_mul(TICK_NANOSECONDS))
}

fn cores(stat: &str) -> io::Result<f64> {
    let is_core = |line: &&str| {
        line.strip_prefix("cpu")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let count = stat.lines().filter(is_core).count();
    let count = u32::try_from(count).map_err(|_| unclear("/proc/stat"))?;
    if count == 0 {
        Err(unclear("/proc/stat"))
    } else {
        Ok(f64::from(count))
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::source;
    use super::*;

    const STAT: &str = "cpu  100 0 100 5000 10 0 0 0 0 0\ncpu0 1 1\ncpu1 1 1\nintr 5\n";

    fn text(files: &[(&str, &str)], later: &[(&str, &str)], scope: Scope) -> String {
        let (dir, source) = source(files);
        let usage = cpu(&source, scope, |_| {
            for (path, text) in later {
                std::fs::write(dir.path().join(path), text).unwrap();
            }
            Duration::from_secs(1)
        });
        usage.unwrap().to_string()
    }

    #[test]
    fn machines() {
        let later = [("proc/stat", "cpu  150 0 150 5000 90 0 0 0 0 0\n")];
        assert_eq!(
            text(&[("proc/stat", STAT)], &later, Scope::Container),
            "1/2 cores (50%)"
        );
    }

    #[test]
    fn control_groups_of_version_2() {
        let files = [
            ("proc/stat", STAT),
            ("proc/self/cgroup", "0::/a\n"),
            ("sys/fs/cgroup/cgroup.controllers", "cpu\n"),
            ("sys/fs/cgroup/a/cpu.max", "50000 100000\n"),
            (
                "sys/fs/cgroup/a/cpu.stat",
                "usage_usec 1000000\nuser_usec 1\n",
            ),
        ];
        let later = [("sys/fs/cgroup/a/cpu.stat", "usage_usec 1250000\n")];
        assert_eq!(
            text(&files, &later, Scope::Container),
            "0.25/0.5 cores (50%)"
        );
        assert_eq!(text(&files, &[], Scope::Host), "0/2 cores (0%)");
    }

    #[test]
    fn control_groups_of_version_1() {
        let files = [
            ("proc/stat", STAT),
            ("proc/self/cgroup", "4:cpu,cpuacct:/docker/0123\n"),
            ("sys/fs/cgroup/cpuacct/cpuacct.usage", "1000000000\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ];
        let later = [("sys/fs/cgroup/cpuacct/cpuacct.usage", "1750000000\n")];
        assert_eq!(
            text(&files, &later, Scope::Container),
            "0.75/1.5 cores (50%)"
        );
        let mut unlimited = files;
        unlimited[3].1 = "-1\n";
        assert_eq!(text(&unlimited, &[], Scope::Container), "0/2 cores (0%)");
    }

    #[test]
    fn nonsense_is_an_error() {
        let (_dir, source) = source(&[("proc/stat", "cpu x\n")]);
        assert!(cpu(&source, Scope::Host, |wait| wait).is_err());
    }
}

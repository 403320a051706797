//! Use of memory and volumes that the template wants watched.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::Duration;

use coder_core::clock::Clock;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::protocol::{
    MemoryUsage, ResourcesDatapoint, ResourcesMonitoringConfiguration, ResourcesMonitoringUsage,
    VolumeUsage,
};
use crate::stat::{Prefix, Scope, Source, Usage, disk, memory};
use crate::{AgentApi, ErrorKind};

/// No server may want to know more often or less often than this.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60 * 60));

/// More measurements than any server wants in a report.
const MAX_DATAPOINTS: usize = 1_000;

/// More volumes than any template has watched; the rest is left out.
const MAX_VOLUMES: usize = 64;

/// How long is waited before the configuration is asked for again.
const RETRY: Duration = Duration::from_secs(10);

/// Measures and reports for ever; returns when nothing is to be watched, or the server does not know of it.
pub(super) async fn watch(api: &dyn AgentApi, clock: &dyn Clock) {
    let configuration = loop {
        match api.resources_monitoring_configuration().await {
            Ok(configuration) => break configuration,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => tracing::debug!(%error, "resources to watch are not known"),
        }
        sleep(RETRY).await;
    };
    if !configuration.memory && configuration.volumes.is_empty() {
        return;
    }
    let (least, most) = INTERVALS;
    let period = Duration::from_secs(configuration.collection_interval_seconds);
    let mut ticks = interval(period.clamp(least, most));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut window = Window::new(configuration.num_datapoints);
    loop {
        ticks.tick().await;
        let datapoint = measure(&configuration, clock);
        let Some(datapoints) = window.push(datapoint) else {
            continue;
        };
        let usage = ResourcesMonitoringUsage { datapoints };
        if let Err(error) = api.push_resources_monitoring_usage(usage).await {
            // The next report has the newest of these too.
            tracing::debug!(%error, "use of resources was not taken");
        }
    }
}

/// The last measurements.
#[derive(Debug)]
struct Window {
    datapoints: VecDeque<ResourcesDatapoint>,
    size: usize,
    /// Measurements that were never reported.
    fresh: usize,
}

impl Window {
    fn new(size: usize) -> Self {
        Self {
            datapoints: VecDeque::new(),
            size: size.clamp(1, MAX_DATAPOINTS),
            fresh: 0,
        }
    }

    /// Adds a measurement, and gives all of the window when it is full and half of it is new.
    fn push(&mut self, datapoint: ResourcesDatapoint) -> Option<Vec<ResourcesDatapoint>> {
        self.datapoints.push_back(datapoint);
        self.fresh += 1;
        if self.datapoints.len() > self.size {
            self.datapoints.pop_front();
        }
        let due = self.datapoints.len() == self.size && self.fresh >= self.size.div_ceil(2);
        due.then(|| {
            self.fresh = 0;
            self.datapoints.iter().cloned().collect()
        })
    }
}

fn measure(
    configuration: &ResourcesMonitoringConfiguration,
    clock: &dyn Clock,
) -> ResourcesDatapoint {
    let memory = configuration
        .memory
        .then(|| amounts(memory(&Source::system(), Scope::Container, Prefix::Kibi)))
        .flatten()
        .map(|(used, total)| MemoryUsage { used, total });
    let volumes = configuration.volumes.iter().take(MAX_VOLUMES);
    let volumes = volumes.filter_map(|volume| {
        let (used, total) = amounts(disk(Path::new(volume), Prefix::Kibi))?;
        let volume = volume.clone();
        Some(VolumeUsage {
            volume,
            used,
            total,
        })
    });
    ResourcesDatapoint {
        collected_at: clock.now(),
        memory,
        volumes: volumes.collect(),
    }
}

/// Used and total bytes of something that can be measured and has a limit.
fn amounts(usage: io::Result<Usage>) -> Option<(i64, i64)> {
    let usage = usage
        .map_err(|error| tracing::debug!(%error, "a resource cannot be measured"))
        .ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast of floats saturates"
    )]
    let bytes = |amount: f64| (amount * Prefix::Kibi.bytes()).round() as i64;
    Some((bytes(usage.used), bytes(usage.total?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use coder_core::Timestamp;
    use coder_core::clock::ManualClock;

    #[test]
    fn a_window_is_reported_when_half_of_it_is_new() {
        let mut window = Window::new(4);
        let mut reports = Vec::new();
        for number in 0..9 {
            let datapoint = ResourcesDatapoint {
                collected_at: Timestamp::from_timestamp(number, 0).unwrap(),
                memory: None,
                volumes: Vec::new(),
            };
            let report = window.push(datapoint);
            let times = report.map(|report| {
                let times = report.iter().map(|one| one.collected_at.timestamp());
                times.collect::<Vec<_>>()
            });
            reports.extend(times);
        }
        assert_eq!(reports, [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7]]);
        assert_eq!(Window::new(0).size, 1);
    }

    #[test]
    fn what_there_is_is_measured() {
        let configuration = ResourcesMonitoringConfiguration {
            memory: true,
            volumes: vec!["/".into(), "/no/such/folder".into()],
            ..ResourcesMonitoringConfiguration::default()
        };
        let clock = ManualClock::new(Timestamp::default());
        let found = measure(&configuration, &clock);
        let memory = found.memory.unwrap();
        assert!(memory.used > 0 && memory.used <= memory.total, "{memory:?}");
        let [volume] = found.volumes.as_slice() else {
            panic!("{:?}", found.volumes);
        };
        assert_eq!(volume.volume, "/");
        assert!(volume.used > 0 && volume.used <= volume.total);
    }
}

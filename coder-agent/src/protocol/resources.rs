use coder_core::Timestamp;
use serde::{Deserialize, Serialize};

/// `GET resources-monitoring-configuration`: what to measure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourcesMonitoringConfiguration {
    /// Seconds between two measurements.
    pub collection_interval_seconds: u64,
    /// How many of the last measurements a report has.
    pub num_datapoints: usize,
    /// Whether the memory is measured.
    #[serde(default)]
    pub memory: bool,
    /// Folders whose volumes are measured.
    #[serde(default)]
    pub volumes: Vec<String>,
}

/// `POST resources-monitoring-usage`: the last measurements, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourcesMonitoringUsage {
    /// The measurements.
    pub datapoints: Vec<ResourcesDatapoint>,
}

/// What was measured at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourcesDatapoint {
    /// When.
    pub collected_at: Timestamp,
    /// The memory; `None` when it is not measured, or cannot be.
    #[serde(default)]
    pub memory: Option<MemoryUsage>,
    /// The volumes that could be measured.
    #[serde(default)]
    pub volumes: Vec<VolumeUsage>,
}

/// The use of the memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryUsage {
    /// So much.
    pub used: i64,
    /// Of so much.
    pub total: i64,
}

/// The use of a volume, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeUsage {
    /// The folder, as the configuration has it.
    pub volume: String,
    /// So much.
    pub used: i64,
    /// Of so much.
    pub total: i64,
}

//! Use of a machine that is not Linux, which has no control groups: the container is the machine.

use std::io;
use std::time::Duration;

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::{Prefix, Scope, Usage};

/// The system, which is asked by its own calls.
#[derive(Clone, Copy, Debug)]
pub struct Source(());

impl Source {
    /// This machine.
    #[must_use]
    pub const fn system() -> Self {
        Self(())
    }
}

/// How long use is watched: as long as the library needs at least.
const SAMPLE: Duration = sysinfo::MINIMUM_CPU_UPDATE_INTERVAL;

/// Cores in use, watched while `wait` waits for as long as it is told; it gives how long that really took.
///
/// # Errors
/// When the system does not tell.
pub fn cpu(
    _source: &Source,
    _scope: Scope,
    wait: impl FnOnce(Duration) -> Duration,
) -> io::Result<Usage> {
    let mut system = System::new().map_err(io::Error::other)?;
    system.refresh_cpu_usage();
    wait(SAMPLE);
    system.refresh_cpu_usage();
    let cores = system.cpus();
    if cores.is_empty() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let percent: f32 = cores.iter().map(sysinfo::Cpu::usage).sum();
    let total = f64::from(u32::try_from(cores.len()).unwrap_or(u32::MAX));
    Ok(Usage {
        used: (f64::from(percent) / 100.0).min(total),
        total: Some(total),
        unit: "cores".to_owned(),
    })
}

/// Memory in use.
///
/// # Errors
/// When the system does not tell.
pub fn memory(_source: &Source, _scope: Scope, prefix: Prefix) -> io::Result<Usage> {
    let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kind).map_err(io::Error::other)?;
    let total = system.total_memory();
    if total == 0 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(Usage::of_bytes(system.used_memory(), Some(total), prefix))
}

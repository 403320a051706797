//! `coder stat`: how much of the machine or container is used.
//!
//! Metadata scripts of templates call it, so it reads everything from `/proc` and `/sys` itself
//! and understands control groups of version 1 and 2. Parsing is pure; [`Source`] is the only
//! part that reads files, and reads them below a root that tests replace. Other systems are asked by
//! their own calls.

#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod cpu;
mod disk;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(not(target_os = "linux"))]
mod other;
mod output;
#[cfg(target_os = "linux")]
mod source;

#[cfg(target_os = "linux")]
pub use cpu::cpu;
pub use disk::disk;
#[cfg(target_os = "linux")]
pub use memory::memory;
#[cfg(not(target_os = "linux"))]
pub use other::{Source, cpu, memory};
pub use output::{Prefix, Usage};
#[cfg(target_os = "linux")]
pub use source::Source;

/// What to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The container where its limits are known, else the machine.
    #[default]
    Container,
    /// The machine, whatever the container's limits.
    Host,
}

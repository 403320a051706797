//! `coder stat`: how much of the machine or container is used.
//!
//! Metadata scripts of templates call it, so it reads everything from `/proc` and `/sys` itself
//! and understands control groups of version 1 and 2. Parsing is pure; [`Source`] is the only
//! part that reads files, and reads them below a root that tests replace.

mod cgroup;
mod cpu;
mod disk;
mod memory;
mod output;
mod source;

pub use cpu::cpu;
pub use disk::disk;
pub use memory::memory;
pub use output::{Prefix, Usage};
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

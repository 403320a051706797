//! Work that nobody asks for: tasks that look, act if they must, and look again later. Each may run on any
//! number of replicas.

mod driver;
mod job_reaper;
mod retention;

pub use driver::{Reconciler, run};
pub use job_reaper::JobReaper;
pub use retention::Retention;

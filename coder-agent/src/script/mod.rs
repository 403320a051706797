//! Scripts of the template: run, logged, timed.

mod context;
mod cron;
mod journal;
mod last_lines;
mod leftover;
pub(crate) mod life;
mod lines;
mod log_file;
mod log_queue;
mod process;
mod runner;
mod start;
mod zone;

pub(crate) use context::{ScriptContext, create_bin_dir};
pub(crate) use journal::Journal;
pub(crate) use lines::clean;
pub(crate) use log_queue::LogQueue;
pub(crate) use process::{Ended, Running};
pub(crate) use runner::ScriptRunner;
pub(crate) use zone::Zone;

//! Scripts of the template: run, logged, timed.

mod context;
mod lines;
mod log_file;
mod log_queue;
mod process;
mod runner;

pub(crate) use context::{ScriptContext, create_bin_dir};
pub(crate) use lines::clean;
pub(crate) use log_queue::LogQueue;
pub(crate) use process::{Ended, run};
pub(crate) use runner::ScriptRunner;

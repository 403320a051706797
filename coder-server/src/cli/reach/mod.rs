//! How commands get at a running agent, and what they say when they lose it.

mod agent;
mod failed_scripts;
mod fate;
mod startup_logs;
mod stream;

pub(crate) use agent::{Reached, Wait, Wish, reach};
pub(crate) use fate::{fate, gone};
pub(crate) use stream::{AgentStream, dial, tunnel};

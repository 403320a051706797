//! Dev containers: found, started, listed, and reached through an agent of their own.
//!
//! ```text
//! engine      docker or podman: what containers there are, commands inside of them
//! cli         @devcontainers/cli: makes a container from devcontainer.json
//! known       which dev containers there are and what each does; no I/O
//! inside      the agent inside of a running one: copied in, started, ended
//! sub_agents  making, running and ending those agents
//! run         the loop that brings them together, and what users ask for
//! ```
//!
//! Everything is optional: without an engine nothing is listed, without the command line of dev containers
//! nothing is started, and the workspace works all the same.

mod cli;
mod configuration;
mod discovery;
mod engine;
mod inside;
mod inspect;
mod known;
mod program;
mod run;
mod sub_agents;

pub use engine::find_engine;
pub use run::{Devcontainers, DevcontainersOptions, Log, Place, Refusal};

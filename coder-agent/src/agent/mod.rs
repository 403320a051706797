//! The agent itself.
//!
//! ```text
//!            ┌ connection: manifest → startup → tunnel → streams to services      (again and again)
//! Agent::run ┤
//!            └ workspace, from the first manifest on: scripts, metadata, app health, stats, use of
//!              resources, and queues towards the server: log lines, and reports in their order
//! ```
//!
//! Work goes on whether or not the server can be reached. Start scripts run once in the life of
//! the machine: not again after a reconnect, nor when the agent was killed and started again.

mod app_health;
mod connection;
mod connections;
mod lifecycle;
mod metadata;
mod options;
mod outbox;
mod resources;
mod run;
mod sender;
mod services;
mod stats;
mod udp;
mod workspace;

pub use options::AgentOptions;
pub use run::{Agent, TunnelDialer};

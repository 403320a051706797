//! The agent itself.
//!
//! ```text
//!            ┌ connection: manifest → startup → tunnel → streams to services      (again and again)
//! Agent::run ┤
//!            └ workspace, from the first manifest on: start scripts, metadata, app health, stats,
//!              and two queues towards the server: log lines, and reports in their order
//! ```
//!
//! Work goes on whether or not the server can be reached. Start scripts run once in the life of
//! the process, not again after a reconnect.

mod app_health;
mod connection;
mod lifecycle;
mod metadata;
mod options;
mod outbox;
mod run;
mod sender;
mod services;
mod stats;
mod udp;
mod workspace;

pub use options::AgentOptions;
pub use run::{Agent, TunnelDialer};

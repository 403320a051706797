//! Measures how fast bytes get to a workspace and back.
//!
//! A client opens a stream to port [`SPEEDTEST`](crate::tunnel::port::SPEEDTEST) of an agent and
//! sends four bytes: the version (1), the direction (0 for downloads from the workspace, 1 for
//! uploads to it), and the seconds that it shall take (1 to 60) in two bytes, big-endian. The agent
//! answers one byte: 0 when it begins, 1 for a request that it does not understand, 2 while too many
//! tests run. Then
//!
//! * for a download the agent sends bytes for so long and ends its direction; the client counts.
//! * for an upload the client sends bytes for so long and ends its direction. The agent counts, and
//!   sends about every 100 ms, and at the end, how long ago the first bytes came (microseconds) and how
//!   many came since: eight bytes each, big-endian. Then it ends its direction.
//!
//! So it is always the receiver who counts: what is still on its way counts for nothing. Both sides
//! give a test up a few seconds after it should have ended.
//!
//! # Example
//!
//! ```
//! # #[cfg(feature = "agent")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use coder_agent::speedtest::{self, Direction, SpeedtestOptions, SpeedtestServer};
//! use tokio::io::duplex;
//!
//! let server = SpeedtestServer::default();
//! let (client, agent) = duplex(64 * 1024);
//! tokio::spawn(async move { server.serve(agent).await });
//! let options = SpeedtestOptions { direction: Direction::Up, seconds: 1 };
//! let total = speedtest::run(client, options, |interval| {
//!     println!("{:.1} MB/s", interval.megabytes_per_second());
//! });
//! assert!(total.await?.bytes > 0);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "agent"))]
//! # fn main() {}
//! ```

mod client;
mod meter;
mod protocol;
#[cfg(feature = "agent")]
mod server;

pub use client::{SpeedtestOptions, run};
pub use meter::Interval;
pub use protocol::{Direction, MAX_SECONDS};
#[cfg(feature = "agent")]
pub use server::SpeedtestServer;

//! The daemon's side: keeps a connection to the server and makes the calls.
//!
//! | file | what it holds |
//! |---|---|
//! | `connector` | how a connection is opened: [`Connector`], and [`HttpConnector`] over HTTP(S) |
//! | `daemon_client` | [`DaemonClient`]: connects, connects again, gives up when refused |
//! | `connection` | calls under way on one connection |
//! | `calls` | the calls themselves, and the care for jobs whose bytes are long under way |
//! | `backoff` | pauses between attempts |

mod backoff;
mod calls;
mod connection;
mod connector;
mod daemon_client;

pub use connector::{ConnectError, Connector, Credential, HttpConnector, JoinRequest};
pub use daemon_client::DaemonClient;

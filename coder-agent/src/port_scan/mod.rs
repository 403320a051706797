//! Which ports of the workspace are in use.
//!
//! Only what the tunnel can reach is told: listeners on 127.0.0.1, `::1` or every address. Ports
//! below [`FIRST_WORKSPACE_PORT`](crate::tunnel::port::FIRST_WORKSPACE_PORT) stand for services of
//! the agent in the tunnel, so those of the workspace are left out.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(target_os = "linux")]
mod proc_net;
mod scanner;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;

pub(crate) use scanner::{Listener, PortScanner};

//! Support of the end-to-end tests: a deployment of its own for each test, driven by the real binary.

mod certificates;
mod deployment;
mod gateways;
mod wait;

pub use certificates::{Authority, Files};
pub use deployment::{Deployment, Outcome, free_port};
pub use gateways::{Gateway, NginxOptions};
pub use wait::{poll, wait_for};

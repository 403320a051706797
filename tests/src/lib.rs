//! Support of the end-to-end tests: a deployment of its own for each test, driven by the real binary.

mod deployment;
mod wait;

pub use deployment::{Deployment, Outcome};
pub use wait::{poll, wait_for};

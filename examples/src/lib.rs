//! What the examples share: a platform in this process with one user and nothing kept, and a provisioner whose
//! workspaces are plain processes.

mod platform;
pub mod process;

pub use platform::Platform;

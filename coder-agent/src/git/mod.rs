//! What Git calls in workspaces, with the owner's key and logins.
//!
//! Sessions have `GIT_SSH_COMMAND="<this binary> gitssh --"` and `GIT_ASKPASS=<this binary>`. As
//! `gpg.ssh.program` the binary signs commits. None of them keeps Git from working without the
//! server: what the user has of their own is used then.

mod access;
mod askpass;
mod key_file;
mod public_key;
mod run;
mod signing;
mod ssh;

pub use askpass::{Prompt, gitaskpass};
pub use public_key::public_key;
pub use signing::git_sign;
pub use ssh::gitssh;

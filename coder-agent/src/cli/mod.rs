//! The subcommands that a workspace calls: `agent`, `stat`, `gitssh`, `gitaskpass` and `publickey`.
//!
//! They are functions, so that the slim `coder-agent` binary and the big `coder` binary share
//! them. Arguments come without the program's and the subcommand's names.

mod agent;
mod git;
mod logging;
mod main;
mod options;
#[cfg(unix)]
mod restarts;
mod stat;
#[cfg(unix)]
mod supervisor;

pub use agent::agent_main;
pub use git::{git_helper_main, gitaskpass_main, gitssh_main, publickey_main};
pub use main::main;
pub use options::{AgentArguments, AgentAuth, UsageError};
pub use stat::stat_main;

/// The first line of `--version`. Init scripts look for the word `Coder` in it.
pub const VERSION_LINE: &str = concat!("Coder v", env!("CARGO_PKG_VERSION"));

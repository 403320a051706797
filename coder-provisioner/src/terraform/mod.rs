//! The provisioner that drives a real `terraform` or OpenTofu binary.
//!
//! | file | what it does |
//! |---|---|
//! | `provisioner`, `session` | the two traits, over everything below |
//! | `binary`, `product`, `version` | finds terraform or OpenTofu and checks its version |
//! | `fetch`, `unpack` | fetches a pinned Terraform |
//! | `archive`, `workdir` | unpacks the template into a directory of its own |
//! | `commands`, `initialize`, `watcher` | the commands of a session and what they tell |
//! | `init_cache`, `cache_sweep` | what `init` need not do again, within bounds |
//! | `cli_config` | the CLI configuration and the mirror that serves our provider |
//! | `modules` | keeps what `terraform init` fetched for later builds |
//! | `environment`, `variables` | what Terraform may see of this process and of the build |
//! | `process`, [`launcher`] | child processes that end when they should |
//! | `leftovers` | the states that killed daemons left behind |
//! | `lines`, `progress`, `timings` | JSON lines to log lines and durations |
//! | `state` | the state file: written, watched, read back |
//! | `tfvars` | files with values of variables |
//! | `parse` | variables, README and tags of a template, without running it |
//! | [`show`], [`graph`], [`resources`] | what exists, from Terraform's own description of it |
//!
//! An import runs `init`, two plans, each with a `show`, and one `graph`. A build of the same
//! template finds what `init` and `graph` made, and runs one `apply`, which plans by itself.

mod agent_parts;
mod agents;
mod archive;
mod binary;
mod cache_sweep;
mod cli_config;
mod commands;
mod environment;
mod fetch;
pub mod graph;
mod init_cache;
mod initialize;
pub mod launcher;
mod leftovers;
mod lines;
mod modules;
mod options;
mod parameters;
mod parse;
mod process;
mod product;
mod progress;
mod provisioner;
pub mod resources;
mod session;
pub mod show;
mod state;
mod tfvars;
mod timings;
mod unpack;
mod variables;
mod version;
mod watcher;
mod workdir;

pub use archive::extract;
pub use environment::environment_refusal;
pub use fetch::{
    DEFAULT_TERRAFORM_URL, DEFAULT_TERRAFORM_VERSION, Download, DownloadStream, TerraformFetch,
};
pub use options::TerraformOptions;
pub use product::{
    MAXIMUM_OPENTOFU_VERSION, MAXIMUM_VERSION, MINIMUM_OPENTOFU_VERSION, MINIMUM_VERSION,
};
pub use provisioner::TerraformProvisioner;
pub use tfvars::read_tfvars;

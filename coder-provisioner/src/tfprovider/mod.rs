//! The `coder/coder` Terraform provider.
//!
//! Terraform starts the provider as a child, reads one line from it, connects to the socket that
//! the line names and speaks gRPC there. The provider never talks to the network: whatever it gives
//! to a template comes from the environment of the process, or is made up on the spot.
//!
//! | module | what it holds |
//! |---|---|
//! | `serve`, `handshake`, `tls`, `lifetime` | the process: one line, one socket, one connection |
//! | `grpc`, `wire` | the services and messages of the plugin protocol |
//! | `provider`, `plan`, `validate`, `schema` | the answers, made from the declarations |
//! | `value`, `msgpack`, `diagnostics` | values, their encoding, what is wrong with them |
//! | `resource`, `data_source` | what the declarations in [`crate::attributes`] cannot express |
//!
//! Where this provider differs from the published one, so does what Terraform shows: a provider
//! that speaks protocol 6 may not add a block that the template does not have, so an agent without
//! `display_apps` has none in its state (see
//! [`Agent::display_apps_or_default`](crate::attributes::Agent::display_apps_or_default)).

mod data_source;
mod diagnostics;
mod environment;
mod grpc;
mod handshake;
mod kind;
mod lifetime;
mod msgpack;
mod plan;
mod provider;
mod resource;
mod schema;
mod serve;
mod task;
mod tls;
mod validate;
mod value;
mod wire;

pub use environment::{
    parameter_variable, previous_parameter_variable, running_agent_token_variable,
};
pub use handshake::is_plugin_invocation;
pub use serve::{ServeError, serve};

/// The version under which the provider is put into a filesystem mirror: higher than what the
/// constraints of existing templates ask for, with the same first number.
pub const VERSION: &str = "2.99.0";

/// The file name of the provider, by which Terraform finds it in a mirror.
pub const BINARY_NAME: &str = "terraform-provider-coder";

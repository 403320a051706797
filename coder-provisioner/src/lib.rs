//! Provisioner protocol, daemon, Terraform executor and Terraform provider.
//!
//! A *provisioner* turns a template into resources. The server queues jobs; a [`Provisioner`]
//! carries them out, one [`Session`] each; the [`protocol`] says what travels between the two.
//!
//! | module | what it holds |
//! |---|---|
//! | [`protocol`] | plain messages: jobs, updates, results, resources, log lines |
//! | [`Provisioner`], [`Session`] | what a provisioner implements: parse, plan, apply |
//! | [`Daemon`] | takes jobs and carries them out, several at once |
//! | [`ProvisionerDaemonApi`] | what the server implements: acquire, update, complete, fail |
//! | `attributes` | the resources and data sources that templates use, declared once |

mod daemon;
mod daemon_api;
mod error;
mod provisioner;

#[cfg(any(feature = "terraform", feature = "tfprovider"))]
pub mod attributes;
#[cfg(feature = "testing")]
pub mod conformance;
#[cfg(feature = "testing")]
pub mod echo;
pub mod protocol;
#[cfg(feature = "terraform")]
pub mod terraform;
#[cfg(feature = "tfprovider")]
pub mod tfprovider;

pub use daemon::{Daemon, DaemonOptions};
pub use daemon_api::{ACQUIRE_TIMEOUT, ProvisionerDaemonApi};
#[cfg(feature = "testing")]
pub use echo::EchoProvisioner;
pub use error::{Error, ErrorKind, Result};
pub use provisioner::{LogSink, Provisioner, Session, StateSink};
#[cfg(feature = "terraform")]
pub use terraform::{TerraformOptions, TerraformProvisioner};

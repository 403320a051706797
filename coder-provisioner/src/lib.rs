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
//! | [`remote`] | the same calls over a WebSocket, for daemons in other processes |
//! | `attributes` | the resources and data sources that templates use, declared once |
//!
//! # A provisioner of your own
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use coder_core::provisioner_job::LogLevel;
//! use coder_provisioner::protocol::*;
//! use coder_provisioner::{LogSink, Provisioner, Result, Session, StateSink};
//! use tokio_util::sync::CancellationToken;
//!
//! /// Answers every template with one virtual machine.
//! struct Machines;
//!
//! struct MachineSession(Arc<dyn LogSink>);
//!
//! #[async_trait]
//! impl Provisioner for Machines {
//!     async fn session(&self, _: Config, logs: Arc<dyn LogSink>) -> Result<Box<dyn Session>> {
//!         Ok(Box::new(MachineSession(logs)))
//!     }
//! }
//!
//! #[async_trait]
//! impl Session for MachineSession {
//!     async fn parse(&mut self, _: &CancellationToken) -> Result<ParseComplete> {
//!         Ok(ParseComplete::default())
//!     }
//!
//!     async fn plan(&mut self, request: PlanRequest, _: &CancellationToken) -> Result<PlanComplete> {
//!         let name = request.metadata.workspace_name;
//!         let machine = Resource { name, kind: "machine".into(), ..Resource::default() };
//!         Ok(PlanComplete::new(vec![machine.clone()], PlanHandle::new(machine)))
//!     }
//!
//!     async fn apply(
//!         &mut self, plan: PlanHandle, _: ApplyRequest, _: Arc<dyn StateSink>, _: &CancellationToken,
//!     ) -> Result<ApplyComplete, ApplyFailed> {
//!         let resources: Vec<Resource> = plan.into_inner().into_iter().collect();
//!         self.0.log(Log::new(LogLevel::Info, "The machine is there"));
//!         Ok(ApplyComplete { state: "machine".into(), resources, timings: Vec::new() })
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! # struct Quiet;
//! # impl LogSink for Quiet { fn log(&self, _: Log) {} }
//! # let config = Config {
//! #     job_id: uuid::Uuid::nil().into(), lease: uuid::Uuid::nil().into(), template_archive: "".into(),
//! #     module_files: None, log_level: None, refresh: false,
//! # };
//! let mut session = Machines.session(config, Arc::new(Quiet)).await?;
//! let mut request = PlanRequest::default();
//! request.metadata.workspace_name = "dev".into();
//! let plan = session.plan(request, &CancellationToken::new()).await?;
//! assert_eq!(plan.resources[0].name, "dev");
//! # Ok::<_, coder_provisioner::Error>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Give it to a [`Daemon`] together with the server's [`ProvisionerDaemonApi`], and check it with
//! `provisioner_conformance!` (feature `testing`).

mod daemon;
mod daemon_api;
#[cfg(feature = "testing")]
pub mod daemon_api_conformance;
mod error;
mod provisioner;

#[cfg(any(feature = "terraform", feature = "tfprovider"))]
pub mod attributes;
#[cfg(feature = "testing")]
pub mod conformance;
#[cfg(feature = "testing")]
pub mod echo;
pub mod protocol;
pub mod remote;
#[cfg(feature = "terraform")]
pub mod terraform;
#[cfg(feature = "tfprovider")]
pub mod tfprovider;

pub use daemon::{Daemon, DaemonOptions};
pub use daemon_api::{ACQUIRE_TIMEOUT, ProvisionerDaemonApi};
#[cfg(feature = "testing")]
pub use echo::EchoProvisioner;
pub use error::{Error, ErrorKind, Result};
pub use provisioner::{Leftover, LogSink, Provisioner, Session, StateSink};
#[cfg(feature = "terraform")]
pub use terraform::{TerraformOptions, TerraformProvisioner};

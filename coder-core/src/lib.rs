//! The domain of a remote-development platform: nouns, rules, storage traits and use cases.
//!
//! Nothing here opens a socket, runs a runtime, knows an ORM or speaks HTTP. The crate is what every
//! other one shares, and what a Rust service embeds when it wants workspaces of its own.
//!
//! # The nouns
//!
//! A [`User`](user::User) belongs to [`Organization`](organization::Organization)s. A
//! [`Template`](template::Template) has [`TemplateVersion`](template_version::TemplateVersion)s, each made
//! from an uploaded [`File`](file::File) and imported by a
//! [`ProvisionerJob`](provisioner_job::ProvisionerJob). A [`Workspace`](workspace::Workspace) is driven by
//! [`WorkspaceBuild`](workspace_build::WorkspaceBuild)s, again one job each, whose result is
//! [`WorkspaceResource`](workspace_resource::WorkspaceResource)s; computational ones carry
//! [`WorkspaceAgent`](workspace_agent::WorkspaceAgent)s with apps, scripts and logs.
//!
//! # The rules
//!
//! Whatever decides is a pure function of its arguments, time and randomness included (see [`clock`]):
//! the status of a [job](provisioner_job::JobStatus::of), of a
//! [workspace](workspace_build::WorkspaceStatus::of), of an [agent](workspace_agent::AgentStatus::of), the
//! [lifecycle](workspace_agent::LifecycleState::may_follow) of an agent, what a
//! [subject](rbac::Subject) [may do](rbac::Authorizer).
//!
//! # Storage
//!
//! [`store::Store`] begins a [`store::Transaction`]; a transaction hands out one trait per aggregate, is
//! committed, or is rolled back. Lookups answer `Option`: absence is no error. Events are
//! [published](store::Transaction::publish) inside the transaction and delivered when it commits.
//!
//! With the feature `memory`:
//!
#![cfg_attr(feature = "memory", doc = "```")]
#![cfg_attr(not(feature = "memory"), doc = "```ignore")]
//! use coder_core::{
//!     clock::{Clock as _, OsEntropy, SystemClock},
//!     id::OrganizationId,
//!     organization::Organization,
//!     store::{MemoryStore, Store as _},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), coder_core::store::StoreError> {
//! let (store, now) = (MemoryStore::new(), SystemClock.now());
//! let acme = Organization {
//!     id: OrganizationId::generate(&OsEntropy),
//!     name: "acme".to_owned(),
//!     display_name: "Acme".to_owned(),
//!     description: String::new(),
//!     icon: String::new(),
//!     is_default: true,
//!     created_at: now,
//!     updated_at: now,
//! };
//! let mut transaction = store.begin().await?;
//! transaction.organizations().insert(&acme).await?;
//! transaction.commit().await?;
//!
//! let mut transaction = store.begin().await?;
//! let found = transaction.organizations().by_name("ACME").await?;
//! assert_eq!(found, Some(acme.clone()));
//!
//! let again = transaction.organizations().insert(&acme).await;
//! assert!(again.is_err_and(|error| error.is_conflict_with("organizations_name_key")));
//! transaction.rollback().await?;
//! # Ok(())
//! # }
//! ```
//!
//! To add an aggregate: its types in a file of its own, an id in [`id`], a trait in `store/`, an accessor
//! on `Transaction`, the implementation in `store/memory/` and in each other store, and cases in
//! `store/conformance/`, which every store runs.

pub mod agent_stats;
pub mod api_key;
pub mod clock;
pub mod connection_log;
pub mod cron;
pub mod devcontainer;
mod enums;
mod error;
pub mod event;
pub mod file;
pub mod git_ssh_key;
mod go_regex;
pub mod id;
pub mod instance_identity;
pub mod job_queue;
pub mod listening_port;
pub mod log_line;
pub mod name;
pub mod organization;
pub mod parameter;
pub mod parameter_resolution;
pub mod parameter_validation;
pub mod password;
pub mod provisioner_daemon;
pub mod provisioner_job;
pub mod provisioner_key;
pub mod rbac;
pub mod resource_monitor;
pub mod schedule;
pub mod script;
pub mod search;
pub mod secret;
pub mod service;
pub mod store;
pub mod template;
pub mod template_version;
pub mod user;
pub mod workspace;
pub mod workspace_agent;
pub mod workspace_app;
pub mod workspace_build;
pub mod workspace_resource;
pub mod workspace_tags;

pub use error::{Error, ErrorKind, FieldError, Result};

/// A point in time, UTC, to the microsecond: the finest that every store keeps.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

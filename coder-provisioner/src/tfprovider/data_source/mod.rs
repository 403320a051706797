//! The kinds of data sources.
//!
//! To add one: its attributes in [`crate::attributes`], a file here with what the declaration cannot
//! express, and a line in [`DATA_SOURCES`].

mod external_auth;
mod parameter;
mod provisioner;
mod secret;
mod task;
mod workspace;
mod workspace_owner;
mod workspace_preset;
mod workspace_tags;

use super::kind::DataSource;

/// Every kind of data source.
pub(super) static DATA_SOURCES: &[DataSource] = &[
    external_auth::DATA_SOURCE,
    parameter::DATA_SOURCE,
    provisioner::DATA_SOURCE,
    secret::DATA_SOURCE,
    task::DATA_SOURCE,
    workspace::DATA_SOURCE,
    workspace_owner::DATA_SOURCE,
    workspace_preset::DATA_SOURCE,
    workspace_tags::DATA_SOURCE,
];

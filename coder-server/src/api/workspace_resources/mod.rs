//! What builds and imports find: resources with their agents.

mod types;

pub(crate) use types::WorkspaceResource;

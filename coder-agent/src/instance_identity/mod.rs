//! What the cloud says of the machine that the agent runs on, for agents that were given no token.

mod metadata;
mod source;

pub use metadata::MetadataService;
pub use source::{IdentityDocument, IdentitySource};

//! `data.coder_workspace_tags`.

use std::collections::BTreeMap;

use super::schema::{computed, optional};

attributes! {
    /// Tags that choose the provisioner of a workspace's builds.
    WorkspaceTags = "coder_workspace_tags" {
        /// A random identity.
        id: String = computed();
        /// The tags.
        tags: BTreeMap<String, String> = optional();
    }
}

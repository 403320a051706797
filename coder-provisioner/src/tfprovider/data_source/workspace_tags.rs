//! `coder_workspace_tags`: nothing beyond its declaration, as the server evaluates the tags.

use crate::attributes::WorkspaceTags;
use crate::tfprovider::kind::DataSource;

pub(super) const DATA_SOURCE: DataSource =
    DataSource::new::<WorkspaceTags>(WorkspaceTags::TYPE_NAME);

//! `coder_external_agent`: nothing beyond its declaration.

use crate::attributes::ExternalAgent;
use crate::tfprovider::kind::Resource;

pub(super) const RESOURCE: Resource = Resource::new::<ExternalAgent>(ExternalAgent::TYPE_NAME);

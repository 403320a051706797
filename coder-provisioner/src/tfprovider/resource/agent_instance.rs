//! `coder_agent_instance`: nothing beyond its declaration.

use crate::attributes::AgentInstance;
use crate::tfprovider::kind::Resource;

pub(super) const RESOURCE: Resource = Resource::new::<AgentInstance>(AgentInstance::TYPE_NAME);

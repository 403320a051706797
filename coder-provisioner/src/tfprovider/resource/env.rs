//! `coder_env`: nothing beyond its declaration.

use crate::attributes::Env;
use crate::tfprovider::kind::Resource;

pub(super) const RESOURCE: Resource = Resource::new::<Env>(Env::TYPE_NAME);

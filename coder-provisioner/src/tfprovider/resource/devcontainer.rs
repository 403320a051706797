//! `coder_devcontainer`.

use crate::attributes::Devcontainer;
use crate::tfprovider::kind::Resource;
use crate::tfprovider::value::set;

pub(super) const RESOURCE: Resource = Resource {
    create: |context, devcontainer| {
        set(devcontainer, "subagent_id", context.id()?);
        Ok(())
    },
    ..Resource::new::<Devcontainer>(Devcontainer::TYPE_NAME)
};

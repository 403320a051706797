//! Dev containers, monitors and tasks.

use super::agents::of_kind;
use super::resources::to_i32;
use super::show::Instance;
use crate::attributes;
use crate::protocol::{AiTask, Devcontainer, MemoryMonitor, ResourcesMonitoring, VolumeMonitor};
use crate::{Error, ErrorKind, Result};

/// A dev container to which nothing is attached yet.
pub(super) fn read_devcontainer(instance: &Instance) -> Result<Devcontainer> {
    let values: attributes::Devcontainer = instance.attributes()?;
    Ok(Devcontainer {
        id: values.id.unwrap_or_default(),
        name: instance.name.clone(),
        workspace_folder: values.workspace_folder.unwrap_or_default(),
        config_path: values.config_path.unwrap_or_default(),
        subagent_id: values.subagent_id.unwrap_or_default(),
        ..Devcontainer::default()
    })
}

/// What the blocks of an agent say that it watches.
pub(super) fn read_monitoring(blocks: Vec<attributes::ResourcesMonitoring>) -> ResourcesMonitoring {
    let block = blocks.into_iter().next().unwrap_or_default();
    let memory = block.memory.into_iter().next();
    let mut volumes: Vec<_> = block
        .volume
        .into_iter()
        .map(|volume| VolumeMonitor {
            path: volume.path.unwrap_or_default(),
            enabled: volume.enabled.unwrap_or_default(),
            threshold: to_i32(volume.threshold),
        })
        .collect();
    volumes.sort_by(|one, other| one.path.cmp(&other.path));
    ResourcesMonitoring {
        memory: memory.map(|memory| MemoryMonitor {
            enabled: memory.enabled.unwrap_or_default(),
            threshold: to_i32(memory.threshold),
        }),
        volumes,
    }
}

/// The task that the workspace works on. There can be one only.
pub(super) fn ai_task(instances: &[Instance]) -> Result<Option<AiTask>> {
    let mut found = of_kind(instances, attributes::AiTask::TYPE_NAME);
    let Some(instance) = found.next() else {
        return Ok(None);
    };
    if let Some(other) = found.next() {
        let text = format!(
            "a workspace can have one coder_ai_task, not both {} and {}",
            instance.address, other.address
        );
        return Err(Error::new(ErrorKind::InvalidTemplate, text));
    }
    let values: attributes::AiTask = instance.attributes()?;
    let sidebar = values.sidebar_app.into_iter().next();
    Ok(Some(AiTask {
        id: values.id.unwrap_or_default(),
        app_id: values.app_id.or_else(|| sidebar?.id).unwrap_or_default(),
        prompt: values.prompt.unwrap_or_default(),
    }))
}

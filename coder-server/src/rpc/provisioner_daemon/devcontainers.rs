//! Dev containers of an agent, and the agents inside that a template attaches something to.

use super::found::{agent_inside, shown};
use coder_core::{
    Timestamp,
    devcontainer::WorkspaceAgentDevcontainer,
    id::{DevcontainerId, WorkspaceAgentId},
    name::is_agent_name,
    service::jobs::FoundDevcontainer,
};
use coder_provisioner::{
    Result,
    protocol::{Agent, Devcontainer},
};
use uuid::Uuid;

/// Stands where the core puts an identifier.
const NONE: Uuid = Uuid::nil();

/// Those of `agent`.
pub(super) fn devcontainers(agent: &Agent) -> Result<Vec<FoundDevcontainer>> {
    let mut taken = vec![agent.name.to_lowercase()];
    let containers = agent.devcontainers.iter();
    let containers = containers.map(|container| {
        let attached = !(container.apps.is_empty()
            && container.scripts.is_empty()
            && container.envs.is_empty());
        let inside = attached.then(|| {
            let name = name_inside(container, &mut taken);
            agent_inside(agent, container, name)
        });
        Ok(FoundDevcontainer {
            devcontainer: WorkspaceAgentDevcontainer {
                id: DevcontainerId(NONE),
                agent_id: WorkspaceAgentId(NONE),
                created_at: Timestamp::default(),
                name: shown(&container.name),
                workspace_folder: shown(&container.workspace_folder),
                config_path: shown(&container.config_path),
                subagent_id: None,
            },
            agent: inside.transpose()?,
        })
    });
    containers.collect()
}

/// The resource's name as that of an agent, with a number where it is taken.
fn name_inside(container: &Devcontainer, taken: &mut Vec<String>) -> String {
    let words = container
        .name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut base = words.collect::<Vec<_>>().join("-");
    base.truncate(48);
    let base = base.trim_end_matches('-');
    let base = if is_agent_name(base) {
        base
    } else {
        "devcontainer"
    };
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    let mut names = std::iter::once(base.to_owned()).chain(numbered);
    let free = names.find(|name| !taken.contains(&name.to_lowercase()));
    let name = free.unwrap_or_else(|| base.to_owned());
    taken.push(name.to_lowercase());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_inside_have_names_of_their_own() {
        let mut taken = vec!["main".to_owned()];
        let mut name = |text: &str| {
            let container = Devcontainer {
                name: text.to_owned(),
                ..Devcontainer::default()
            };
            name_inside(&container, &mut taken)
        };
        assert_eq!(name("my_project"), "my-project");
        assert_eq!(name("my-project"), "my-project-2");
        assert_eq!(name("Main"), "Main-2");
        assert_eq!(name("___"), "devcontainer");
        assert_eq!(name(&"x".repeat(80)), "x".repeat(48));
    }
}

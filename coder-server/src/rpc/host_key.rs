//! The SSH host keys of agents.

use coder_agent::ssh::HostKey;
use coder_core::{Error, service::agents::Agents, workspace::Workspace, workspace_agent};

/// The key of a workspace's agent of this name: the same for every build, and after a rename.
pub(crate) async fn host_key(
    agents: &Agents,
    workspace: &Workspace,
    agent_name: &str,
) -> Result<HostKey, Error> {
    let secret = agents.ssh_host_key_secret().await?;
    let workspace = workspace.id.to_string();
    Ok(HostKey::derive(
        secret.expose().as_bytes(),
        "",
        &workspace,
        agent_name,
    ))
}

/// Whether an agent takes its key from the manifest: versions from 1.1 on do.
pub(crate) fn has_host_key(agent: &workspace_agent::WorkspaceAgent) -> bool {
    let mut parts = agent.api_version.split('.');
    let mut number = || parts.next()?.parse::<u32>().ok();
    matches!((number(), number()), (Some(1), Some(1..)) | (Some(2..), _))
}

#[cfg(test)]
mod tests {
    use super::*;
    use coder_core::store::conformance::fixture;

    #[test]
    fn older_agents_have_keys_of_their_own() {
        let resource = fixture::resource(1, fixture::id(1), "main");
        let mut agent = fixture::agent(2, &resource, "main");
        for (version, expected) in [
            ("1.1", true),
            ("1.12", true),
            ("2.0", true),
            ("1.0", false),
            ("", false),
            ("x", false),
        ] {
            agent.api_version = version.to_owned();
            assert_eq!(has_host_key(&agent), expected, "{version:?}");
        }
    }
}

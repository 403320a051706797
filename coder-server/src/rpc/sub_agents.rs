//! The agent's calls about dev containers and the agents inside of them.

use super::agent::AgentCalls;
use coder_agent::protocol::{
    CreateSubAgentRequest, CreateSubAgentResponse, Devcontainer, ListSubAgentsResponse, SubAgent,
    SubAgentApp,
};
use coder_core::{
    Error,
    devcontainer::WorkspaceAgentDevcontainer,
    id::{WorkspaceAgentId, WorkspaceAppId},
    service::agents::NewSubAgent,
    template::SharingLevel,
    workspace_agent::WorkspaceAgent,
    workspace_app::{AppHealth, OpenIn, WorkspaceApp},
};
use uuid::Uuid;

impl AgentCalls {
    /// See [`AgentApi::create_sub_agent`](coder_agent::AgentApi::create_sub_agent).
    ///
    /// # Errors
    /// As there.
    pub async fn create_sub_agent(
        &self,
        new: CreateSubAgentRequest,
    ) -> Result<CreateSubAgentResponse, Error> {
        let new = NewSubAgent {
            id: new.id,
            name: new.name,
            directory: new.directory,
            architecture: new.architecture,
            operating_system: new.operating_system,
            display_apps: new.display_apps,
            apps: new.apps.into_iter().map(app).collect(),
        };
        let (agent, auth_token) = self.agents.create_sub_agent(&self.owner, new).await?;
        Ok(CreateSubAgentResponse {
            agent: sub_agent(agent),
            auth_token,
        })
    }

    /// See [`AgentApi::list_sub_agents`](coder_agent::AgentApi::list_sub_agents).
    ///
    /// # Errors
    /// As there.
    pub async fn list_sub_agents(&self) -> Result<ListSubAgentsResponse, Error> {
        let agents = self.agents.sub_agents(&self.owner).await?;
        Ok(ListSubAgentsResponse {
            agents: agents.into_iter().map(sub_agent).collect(),
        })
    }

    /// See [`AgentApi::delete_sub_agent`](coder_agent::AgentApi::delete_sub_agent).
    ///
    /// # Errors
    /// As there.
    pub async fn delete_sub_agent(&self, id: WorkspaceAgentId) -> Result<(), Error> {
        self.agents.delete_sub_agent(&self.owner, id).await
    }
}

pub(super) fn devcontainer(container: WorkspaceAgentDevcontainer) -> Devcontainer {
    Devcontainer {
        id: container.id,
        name: container.name,
        workspace_folder: container.workspace_folder,
        config_path: container.config_path,
        subagent_id: container.subagent_id,
    }
}

fn sub_agent(agent: WorkspaceAgent) -> SubAgent {
    SubAgent {
        id: agent.id,
        name: agent.name,
    }
}

/// Identifiers are given by the core.
fn app(app: SubAgentApp) -> WorkspaceApp {
    WorkspaceApp {
        id: WorkspaceAppId(Uuid::nil()),
        agent_id: WorkspaceAgentId(Uuid::nil()),
        slug: app.slug,
        display_name: app.display_name,
        icon: app.icon,
        url: app.url,
        command: app.command,
        external: app.external,
        subdomain: app.subdomain,
        sharing_level: app.share.unwrap_or(SharingLevel::Owner),
        healthcheck_url: String::new(),
        healthcheck_interval: 0,
        healthcheck_threshold: 0,
        health: AppHealth::Disabled,
        hidden: app.hidden,
        open_in: app.open_in.unwrap_or(OpenIn::SlimWindow),
        group: app.group,
        tooltip: String::new(),
        display_order: app.order,
    }
}

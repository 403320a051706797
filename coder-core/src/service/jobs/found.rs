//! What a daemon found or made, and how it is written down.

use crate::{
    Error, Result, Timestamp,
    clock::Entropy,
    devcontainer::WorkspaceAgentDevcontainer,
    id::{
        DevcontainerId, LogSourceId, ProvisionerJobId, ScriptId, WorkspaceAgentId, WorkspaceAppId,
        WorkspaceResourceId,
    },
    resource_monitor::ResourceMonitor,
    script::WorkspaceAgentScript,
    secret::TokenHash,
    store::Transaction,
    workspace_agent::{AgentAuth, AgentLogSource, AgentMetadatum, WorkspaceAgent},
    workspace_app::WorkspaceApp,
    workspace_build::WorkspaceTransition,
    workspace_resource::WorkspaceResource,
};

/// Most resources of one result.
const MAX_RESOURCES: usize = 10_000;

/// A resource with its agents. Identifiers, times and links in it are ignored: they are given here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundResource {
    /// The resource.
    pub resource: WorkspaceResource,
    /// Agents that run on it.
    pub agents: Vec<FoundAgent>,
}

/// An agent with what belongs to it. Identifiers and links in it are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAgent {
    /// The agent.
    pub agent: WorkspaceAgent,
    /// Its apps.
    pub apps: Vec<WorkspaceApp>,
    /// Its scripts.
    pub scripts: Vec<FoundScript>,
    /// What it measures.
    pub metadata: Vec<AgentMetadatum>,
    /// Dev containers that it starts.
    pub devcontainers: Vec<FoundDevcontainer>,
    /// What is watched over it.
    pub monitors: Vec<ResourceMonitor>,
}

/// A dev container with the agent that the template foresees inside, if it attaches anything to that.
/// Identifiers and links in it are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundDevcontainer {
    /// The dev container.
    pub devcontainer: WorkspaceAgentDevcontainer,
    /// The agent inside. It gets a token when the container runs.
    pub agent: Option<FoundAgent>,
}

/// A script with the icon of its log source. Identifiers and links in it are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundScript {
    /// The script.
    pub script: WorkspaceAgentScript,
    /// URL or path of an icon.
    pub icon: String,
}

/// Where and when resources were found.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) job: ProvisionerJobId,
    pub(super) transition: WorkspaceTransition,
    /// Whether they exist, or are only planned: then their agents get tokens that nobody knows.
    pub(super) exist: bool,
    pub(super) now: Timestamp,
}

/// Writes resources with all that belongs to them, under fresh identifiers.
pub(super) async fn store(
    tx: &mut dyn Transaction,
    entropy: &dyn Entropy,
    place: Place,
    found: &[FoundResource],
) -> Result<()> {
    if found.len() > MAX_RESOURCES {
        return Err(Error::invalid("the template has too many resources"));
    }
    let mut rows = Rows::default();
    for one in found {
        let resource = WorkspaceResource {
            id: WorkspaceResourceId::generate(entropy),
            job_id: place.job,
            created_at: place.now,
            transition: place.transition,
            ..one.resource.clone()
        };
        for agent in &one.agents {
            rows.add_agent(entropy, (resource.id, None), agent, place);
        }
        rows.resources.push(resource);
    }
    rows.insert(tx).await
}

/// The hash of no token.
fn unknown_token(entropy: &dyn Entropy) -> TokenHash {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    TokenHash(bytes)
}

#[derive(Default)]
struct Rows {
    resources: Vec<WorkspaceResource>,
    agents: Vec<WorkspaceAgent>,
    apps: Vec<WorkspaceApp>,
    sources: Vec<AgentLogSource>,
    scripts: Vec<WorkspaceAgentScript>,
    metadata: Vec<AgentMetadatum>,
    devcontainers: Vec<WorkspaceAgentDevcontainer>,
    monitors: Vec<ResourceMonitor>,
}

impl Rows {
    fn add_agent(
        &mut self,
        entropy: &dyn Entropy,
        (resource_id, parent_id): (WorkspaceResourceId, Option<WorkspaceAgentId>),
        found: &FoundAgent,
        place: Place,
    ) -> WorkspaceAgentId {
        let Place { exist, now, .. } = place;
        let usable = |hash: &TokenHash| exist && *hash != TokenHash::of("");
        let auth = match &found.agent.auth {
            AgentAuth::Token(hash) if !usable(hash) => AgentAuth::Token(unknown_token(entropy)),
            auth => auth.clone(),
        };
        let agent = WorkspaceAgent {
            auth,
            id: WorkspaceAgentId::generate(entropy),
            parent_id,
            resource_id,
            created_at: now,
            updated_at: now,
            ..found.agent.clone()
        };
        self.apps.extend(found.apps.iter().map(|app| WorkspaceApp {
            id: WorkspaceAppId::generate(entropy),
            agent_id: agent.id,
            ..app.clone()
        }));
        for FoundScript { script, icon } in &found.scripts {
            let source = AgentLogSource {
                agent_id: agent.id,
                id: LogSourceId::generate(entropy),
                created_at: now,
                display_name: script.display_name.clone(),
                icon: icon.clone(),
            };
            self.scripts.push(WorkspaceAgentScript {
                id: ScriptId::generate(entropy),
                agent_id: agent.id,
                log_source_id: source.id,
                ..script.clone()
            });
            self.sources.push(source);
        }
        let metadata = found.metadata.iter().map(|metadatum| AgentMetadatum {
            agent_id: agent.id,
            ..metadatum.clone()
        });
        self.metadata.extend(metadata);
        let monitors = found.monitors.iter().map(|monitor| ResourceMonitor {
            agent_id: agent.id,
            created_at: now,
            updated_at: now,
            ..monitor.clone()
        });
        self.monitors.extend(monitors);
        let id = agent.id;
        self.agents.push(agent);
        self.add_devcontainers(entropy, resource_id, id, found, place);
        id
    }

    /// Those of the agent `id`, with the agents inside of them.
    fn add_devcontainers(
        &mut self,
        entropy: &dyn Entropy,
        resource_id: WorkspaceResourceId,
        id: WorkspaceAgentId,
        found: &FoundAgent,
        place: Place,
    ) {
        for FoundDevcontainer {
            devcontainer,
            agent,
        } in &found.devcontainers
        {
            let place_inside = (resource_id, Some(id));
            let inside = agent
                .as_ref()
                .map(|agent| self.add_agent(entropy, place_inside, agent, place));
            self.devcontainers.push(WorkspaceAgentDevcontainer {
                id: DevcontainerId::generate(entropy),
                agent_id: id,
                created_at: place.now,
                subagent_id: inside,
                ..devcontainer.clone()
            });
        }
    }

    async fn insert(&self, tx: &mut dyn Transaction) -> Result<()> {
        if !self.resources.is_empty() {
            tx.workspace_resources().insert(&self.resources).await?;
        }
        if !self.agents.is_empty() {
            tx.workspace_agents().insert(&self.agents).await?;
        }
        if !self.apps.is_empty() {
            tx.workspace_apps().insert(&self.apps).await?;
        }
        if !self.sources.is_empty() {
            tx.workspace_agents()
                .insert_log_sources(&self.sources)
                .await?;
        }
        if !self.scripts.is_empty() {
            tx.workspace_agents().insert_scripts(&self.scripts).await?;
        }
        if !self.metadata.is_empty() {
            tx.workspace_agents()
                .insert_metadata(&self.metadata)
                .await?;
        }
        if !self.devcontainers.is_empty() {
            tx.devcontainers().insert(&self.devcontainers).await?;
        }
        if !self.monitors.is_empty() {
            tx.workspace_agents()
                .insert_resource_monitors(&self.monitors)
                .await?;
        }
        Ok(())
    }
}

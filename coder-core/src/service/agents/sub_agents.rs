use super::{Agents, announce};
use crate::{
    Error, ErrorKind, Result,
    id::{WorkspaceAgentId, WorkspaceAppId},
    log_line,
    name::{is_agent_name, is_app_slug},
    secret::{Secret, TokenHash},
    service::unit::settle,
    store::{AgentOwner, Transaction},
    template::SharingLevel,
    workspace_agent::{AgentAuth, LifecycleState, WorkspaceAgent},
    workspace_app::WorkspaceApp,
};

/// Most agents inside of one, and most apps of one of them.
const MAX_SUB_AGENTS: usize = 32;
const MAX_APPS: usize = 64;
/// Longest text of a dev container that is only shown, and longest path, in bytes.
const MAX_TEXT_BYTES: usize = 4_096;
/// How many tokens of an agent are good: it gets another one each time its container is made anew.
const MAX_TOKENS: u32 = 2;

/// An agent to be, inside of a dev container.
#[derive(Clone, Debug)]
pub struct NewSubAgent {
    /// The one that the template foresaw, if any.
    pub id: Option<WorkspaceAgentId>,
    /// Its name.
    pub name: String,
    /// Where sessions begin.
    pub directory: String,
    /// `amd64`, `arm64` or `armv7`.
    pub architecture: String,
    /// `linux`.
    pub operating_system: String,
    /// Built-in buttons that clients show.
    pub display_apps: Vec<String>,
    /// Its apps. Identifiers in them are ignored.
    pub apps: Vec<WorkspaceApp>,
}

impl Agents {
    /// Makes an agent inside of a dev container that `owner` runs, or gives the one that the template foresaw
    /// a token. Apps are shared as widely as the template allows at most.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) for agents that are inside of one already,
    /// [`NotFound`](ErrorKind::NotFound) for an id that is not of one inside `owner`,
    /// [`Conflict`](ErrorKind::Conflict) for a name that is taken, or too many,
    /// [`InvalidInput`](ErrorKind::InvalidInput).
    pub async fn create_sub_agent(
        &self,
        owner: &AgentOwner,
        new: NewSubAgent,
    ) -> Result<(WorkspaceAgent, Secret)> {
        require_no_parent(owner)?;
        check(&new)?;
        let token = WorkspaceAgentId::generate(&*self.deps.entropy).to_string();
        let mut tx = self.deps.begin().await?;
        let made = async {
            let tx = tx.as_mut();
            let made = self.store_sub_agent(tx, owner, new, &token).await?;
            announce(tx, &owner.workspace).await?;
            Ok(made)
        };
        let made = made.await;
        let made = settle(tx, made).await?;
        Ok((made, Secret::new(token)))
    }

    async fn store_sub_agent(
        &self,
        tx: &mut dyn Transaction,
        owner: &AgentOwner,
        new: NewSubAgent,
        token: &str,
    ) -> Result<WorkspaceAgent> {
        let (parent, now) = (&owner.agent, self.deps.now());
        let present = tx.devcontainers().sub_agents(parent.id).await?;
        let id = new.id;
        require_free_name(tx, owner, &new.name, id).await?;
        let text = |text: &str| log_line::cut(&text.replace('\0', ""), MAX_TEXT_BYTES);
        let describe = |agent: WorkspaceAgent| WorkspaceAgent {
            name: new.name.clone(),
            directory: text(&new.directory),
            architecture: text(&new.architecture),
            operating_system: text(&new.operating_system),
            display_apps: new.display_apps.iter().map(|app| text(app)).collect(),
            updated_at: now,
            ..agent
        };
        let hash = TokenHash::of(token);
        let agent = match id {
            Some(id) => {
                let foreseen = present.into_iter().find(|agent| agent.id == id);
                let agent = describe(foreseen.ok_or_else(Error::not_found)?);
                tx.devcontainers().update_sub_agent(&agent).await?;
                tx.agent_identities()
                    .insert_token(id, hash, now, MAX_TOKENS)
                    .await?;
                agent
            }
            None => {
                if present.len() >= MAX_SUB_AGENTS {
                    let message = "This agent has too many agents inside of it.";
                    return Err(Error::conflict(message));
                }
                let agent = describe(WorkspaceAgent {
                    id: WorkspaceAgentId::generate(&*self.deps.entropy),
                    auth: AgentAuth::Token(hash),
                    ..inside(parent)
                });
                tx.workspace_agents()
                    .insert(std::slice::from_ref(&agent))
                    .await?;
                agent
            }
        };
        self.store_apps(tx, owner, agent.id, new.apps).await?;
        Ok(agent)
    }

    /// Adds the apps whose slugs the agent does not have.
    async fn store_apps(
        &self,
        tx: &mut dyn Transaction,
        owner: &AgentOwner,
        agent: WorkspaceAgentId,
        apps: Vec<WorkspaceApp>,
    ) -> Result<()> {
        let template = tx.templates().get(owner.workspace.template_id).await?;
        let widest = template.map_or(SharingLevel::Owner, |template| {
            template.policy.max_port_share_level
        });
        let present = tx.workspace_apps().by_agents(&[agent]).await?;
        let text = |text: &str| log_line::cut(&text.replace('\0', ""), MAX_TEXT_BYTES);
        let apps: Vec<WorkspaceApp> = apps
            .into_iter()
            .filter(|app| !present.iter().any(|present| present.slug == app.slug))
            .map(|app| WorkspaceApp {
                id: WorkspaceAppId::generate(&*self.deps.entropy),
                agent_id: agent,
                display_name: text(&app.display_name),
                icon: text(&app.icon),
                url: text(&app.url),
                command: text(&app.command),
                group: text(&app.group),
                tooltip: text(&app.tooltip),
                healthcheck_url: text(&app.healthcheck_url),
                sharing_level: narrower(app.sharing_level, widest),
                ..app
            })
            .collect();
        if !apps.is_empty() {
            tx.workspace_apps().insert(&apps).await?;
        }
        Ok(())
    }

    /// The agents inside of one, by name.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable).
    pub async fn sub_agents(&self, owner: &AgentOwner) -> Result<Vec<WorkspaceAgent>> {
        let mut tx = self.deps.begin().await?;
        let found = tx.devcontainers().sub_agents(owner.agent.id).await;
        settle(tx, found.map_err(Into::into)).await
    }

    /// Ends an agent inside of one; its connection ends and its token is worth nothing.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for all that are not inside `owner`.
    pub async fn delete_sub_agent(&self, owner: &AgentOwner, id: WorkspaceAgentId) -> Result<()> {
        let mut tx = self.deps.begin().await?;
        let deleted = async {
            let tx = tx.as_mut();
            if !tx
                .devcontainers()
                .delete_sub_agent(owner.agent.id, id)
                .await?
            {
                return Err(Error::not_found());
            }
            announce(tx, &owner.workspace).await
        };
        let deleted = deleted.await;
        settle(tx, deleted).await
    }
}

/// What an agent has from the one that it runs inside of.
fn inside(parent: &WorkspaceAgent) -> WorkspaceAgent {
    WorkspaceAgent {
        parent_id: Some(parent.id),
        first_connected_at: None,
        last_connected_at: None,
        disconnected_at: None,
        started_at: None,
        ready_at: None,
        environment_variables: std::collections::BTreeMap::new(),
        expanded_directory: String::new(),
        version: String::new(),
        api_version: String::new(),
        motd_file: String::new(),
        run_id: None,
        lifecycle_state: LifecycleState::Created,
        logs_length: 0,
        logs_overflowed: false,
        subsystems: Vec::new(),
        ..parent.clone()
    }
}

fn require_no_parent(owner: &AgentOwner) -> Result<()> {
    if owner.agent.parent_id.is_none() {
        return Ok(());
    }
    let message = "An agent inside of a dev container has no others inside of it.";
    Err(Error::new(ErrorKind::Forbidden, message))
}

fn check(new: &NewSubAgent) -> Result<()> {
    if !is_agent_name(&new.name) {
        let detail = "must be letters and digits with single inner hyphens, 64 at most";
        return Err(Error::invalid_field("name", detail));
    }
    if new.apps.len() > MAX_APPS || new.display_apps.len() > MAX_APPS {
        return Err(Error::invalid_field("apps", "has too many entries"));
    }
    if let Some(app) = new.apps.iter().find(|app| !is_app_slug(&app.slug)) {
        let detail = format!("{:?} is not a slug", app.slug);
        return Err(Error::invalid_field("apps", detail));
    }
    Ok(())
}

/// Names are unique in a build, whatever their case.
async fn require_free_name(
    tx: &mut dyn Transaction,
    owner: &AgentOwner,
    name: &str,
    own: Option<WorkspaceAgentId>,
) -> Result<()> {
    let resources = tx
        .workspace_resources()
        .by_jobs(&[owner.build.job_id])
        .await?;
    let resources: Vec<_> = resources.iter().map(|resource| resource.id).collect();
    let agents = tx.workspace_agents().by_resources(&resources).await?;
    let taken = agents.iter().any(|agent| {
        !agent.deleted && Some(agent.id) != own && agent.name.eq_ignore_ascii_case(name)
    });
    if taken {
        let message = format!("The workspace has an agent {name:?} already.");
        return Err(Error::conflict(message).with_field("name", "is taken"));
    }
    Ok(())
}

/// The narrower of two share levels.
fn narrower(one: SharingLevel, other: SharingLevel) -> SharingLevel {
    let width = |level| match level {
        SharingLevel::Owner => 0,
        SharingLevel::Organization => 1,
        SharingLevel::Authenticated => 2,
        SharingLevel::Public => 3,
    };
    if width(one) <= width(other) {
        one
    } else {
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shared_more_widely_than_allowed() {
        use SharingLevel::{Authenticated, Organization, Owner, Public};
        for (one, other, expected) in [
            (Public, Owner, Owner),
            (Owner, Public, Owner),
            (Authenticated, Organization, Organization),
            (Organization, Authenticated, Organization),
            (Public, Public, Public),
        ] {
            assert_eq!(narrower(one, other), expected);
        }
    }
}

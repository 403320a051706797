use super::{MemoryTransaction, data::Data, table::unique, text};
use crate::{
    Timestamp,
    id::{TemplateId, UserId, WorkspaceId},
    store::{Page, StoreResult, WorkspaceStore},
    workspace::{AgentFilter, Workspace, WorkspaceFilter},
    workspace_agent::AgentStatus,
    workspace_build::{WorkspaceBuild, WorkspaceStatus},
};
use async_trait::async_trait;

impl MemoryTransaction {
    fn check_workspace(&self, workspace: &Workspace) -> StoreResult<()> {
        let schedule = workspace.autostart_schedule.as_deref();
        text::check([
            ("name", workspace.name.as_str()),
            ("autostart_schedule", schedule.unwrap_or_default()),
        ])?;
        let taken = self.data.workspaces.any(|other| {
            other.id != workspace.id
                && other.owner_id == workspace.owner_id
                && !other.deleted
                && text::same(&other.name, &workspace.name)
        });
        let constraint = "workspaces_owner_id_name_key";
        unique(constraint, workspace.deleted || !taken)
    }
}

#[async_trait]
impl WorkspaceStore for MemoryTransaction {
    async fn insert(&mut self, workspace: &Workspace) -> StoreResult<()> {
        self.check_workspace(workspace)?;
        let workspaces = &mut self.data.workspaces;
        workspaces.insert("workspaces_pkey", workspace.id, workspace.clone())
    }

    async fn get(&mut self, id: WorkspaceId) -> StoreResult<Option<Workspace>> {
        Ok(self.data.workspaces.get(&id).cloned())
    }

    async fn get_for_update(&mut self, id: WorkspaceId) -> StoreResult<Option<Workspace>> {
        Ok(self.data.workspaces.get(&id).cloned())
    }

    async fn by_owner_and_name(
        &mut self,
        owner: UserId,
        name: &str,
        include_deleted: bool,
    ) -> StoreResult<Option<Workspace>> {
        let found = self.data.workspaces.values().filter(|row| {
            row.owner_id == owner
                && text::same(&row.name, name)
                && (include_deleted || !row.deleted)
        });
        let best = found.max_by_key(|row| (!row.deleted, row.created_at));
        Ok(best.cloned())
    }

    async fn list(
        &mut self,
        filter: &WorkspaceFilter,
        requester: UserId,
        page: Page,
    ) -> StoreResult<(Vec<Workspace>, u64)> {
        let data = &self.data;
        let live = data.workspaces.values().filter(|row| !row.deleted);
        let candidates = live.map(|workspace| Candidate {
            workspace,
            build: data.latest_build(workspace.id),
        });
        let mut found: Vec<Candidate<'_>> = candidates
            .filter(|row| row.identity_matches(filter, data) && row.state_matches(filter, data))
            .collect();
        found.sort_by_cached_key(|row| {
            let workspace = row.workspace;
            let favorite = workspace.favorite && workspace.owner_id == requester;
            let running = row.status(data) == Some(WorkspaceStatus::Running);
            let owner = data.users.get(&workspace.owner_id);
            let owner = owner.map(|user| user.username.to_lowercase());
            (!favorite, !running, owner, workspace.name.to_lowercase())
        });
        let count = found.len() as u64;
        let workspaces = found.into_iter().map(|row| row.workspace.clone());
        Ok((page.apply(workspaces), count))
    }

    async fn count_of_template(&mut self, template: TemplateId) -> StoreResult<u64> {
        let live = self.data.workspaces.values();
        let live = live.filter(|row| row.template_id == template && !row.deleted);
        Ok(live.count() as u64)
    }

    async fn update(&mut self, workspace: &Workspace) -> StoreResult<()> {
        self.check_workspace(workspace)?;
        if let Some(row) = self.data.workspaces.update(&workspace.id) {
            *row = Workspace {
                id: row.id,
                organization_id: row.organization_id,
                template_id: row.template_id,
                created_at: row.created_at,
                ..workspace.clone()
            };
        }
        Ok(())
    }

    async fn touch(&mut self, ids: &[WorkspaceId], used: Timestamp) -> StoreResult<()> {
        for id in ids {
            if let Some(row) = self.data.workspaces.update(id) {
                row.last_used_at = used;
            }
        }
        Ok(())
    }
}

/// A workspace with its newest build.
struct Candidate<'a> {
    workspace: &'a Workspace,
    build: Option<&'a WorkspaceBuild>,
}

impl Candidate<'_> {
    fn status(&self, data: &Data) -> Option<WorkspaceStatus> {
        let build = self.build?;
        let job = data.provisioner_jobs.get(&build.job_id)?;
        Some(WorkspaceStatus::of(job.status(), build.transition))
    }

    fn has_agent(&self, wanted: &AgentFilter, data: &Data) -> bool {
        let Some(build) = self.build else {
            return false;
        };
        data.workspace_agents.any(|agent| {
            let resource = data.workspace_resources.get(&agent.resource_id);
            !agent.deleted
                && resource.is_some_and(|resource| resource.job_id == build.job_id)
                && AgentStatus::of(agent, wanted.now, wanted.inactive_after_ms) == wanted.status
        })
    }

    /// Whose, what and where.
    fn identity_matches(&self, filter: &WorkspaceFilter, data: &Data) -> bool {
        let row = self.workspace;
        let owner = |name: &String| {
            let owner = data.users.get(&row.owner_id);
            owner.is_some_and(|user| text::same(&user.username, name))
        };
        let template = |name: &String| {
            let template = data.templates.get(&row.template_id);
            template.is_some_and(|template| text::same(&template.name, name))
        };
        (filter.ids.is_empty() || filter.ids.contains(&row.id))
            && filter.owner_id.is_none_or(|id| row.owner_id == id)
            && filter.owner_username.as_ref().is_none_or(owner)
            && filter
                .name
                .as_ref()
                .is_none_or(|part| text::holds(&row.name, part))
            && filter
                .exact_name
                .as_ref()
                .is_none_or(|name| text::same(&row.name, name))
            && filter.template_name.as_ref().is_none_or(template)
            && (filter.template_ids.is_empty() || filter.template_ids.contains(&row.template_id))
            && filter
                .organization_id
                .is_none_or(|id| row.organization_id == id)
    }

    /// How it is.
    fn state_matches(&self, filter: &WorkspaceFilter, data: &Data) -> bool {
        let row = self.workspace;
        let outdated = || {
            let active = data.templates.get(&row.template_id)?.active_version_id;
            Some(self.build?.template_version_id != active)
        };
        let agent = filter.has_agent.as_ref();
        filter
            .status
            .is_none_or(|wanted| self.status(data) == Some(wanted))
            && filter
                .dormant
                .is_none_or(|wanted| row.dormant_at.is_some() == wanted)
            && filter
                .outdated
                .is_none_or(|wanted| outdated() == Some(wanted))
            && filter
                .last_used_after
                .is_none_or(|time| row.last_used_at > time)
            && filter
                .last_used_before
                .is_none_or(|time| row.last_used_at < time)
            && agent.is_none_or(|wanted| self.has_agent(wanted, data))
    }
}

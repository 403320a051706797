use super::{BuildDetails, builds, distinct, index};
use crate::{
    Error, Result, Timestamp, organization::Organization, store::Transaction, template::Template,
    workspace::Workspace,
};

/// A workspace with what clients are shown of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceDetails {
    /// Where it belongs.
    pub organization: Organization,
    /// What it is made from.
    pub template: Template,
    /// Its newest build, which also names the workspace and its owner.
    pub latest_build: BuildDetails,
}

impl WorkspaceDetails {
    /// The workspace.
    #[must_use]
    pub const fn workspace(&self) -> &Workspace {
        &self.latest_build.workspace
    }

    /// Whether the newest build is not of the template's active version.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.latest_build.build.template_version_id != self.template.active_version_id
    }
}

/// Adds what clients are shown of workspaces, in their order.
///
/// # Errors
/// As the store.
pub async fn workspaces(
    tx: &mut dyn Transaction,
    now: Timestamp,
    workspaces: Vec<Workspace>,
) -> Result<Vec<WorkspaceDetails>> {
    if workspaces.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = workspaces.iter().map(|workspace| workspace.id).collect();
    let latest = tx.workspace_builds().latest_many(&ids).await?;
    let latest = builds(tx, now, latest, &workspaces).await?;
    let mut latest = index(latest, |details| details.workspace.id);
    let organizations = distinct(workspaces.iter().map(|workspace| workspace.organization_id));
    let organizations = tx.organizations().get_many(&organizations).await?;
    let organizations = index(organizations, |organization| organization.id);
    let templates = distinct(workspaces.iter().map(|workspace| workspace.template_id));
    let templates = index(tx.templates().get_many(&templates).await?, |template| {
        template.id
    });
    let missing = || Error::internal("a workspace lacks its organization, template or build");
    let add = |workspace: Workspace| {
        let organization = organizations.get(&workspace.organization_id);
        let template = templates.get(&workspace.template_id);
        Ok(WorkspaceDetails {
            organization: organization.ok_or_else(missing)?.clone(),
            template: template.ok_or_else(missing)?.clone(),
            latest_build: latest.remove(&workspace.id).ok_or_else(missing)?,
        })
    };
    workspaces.into_iter().map(add).collect()
}

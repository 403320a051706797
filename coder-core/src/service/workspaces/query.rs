use super::Workspaces;
use crate::{
    Error, Result,
    id::{OrganizationId, UserId, WorkspaceId},
    rbac::{Action, AsObject as _, Object, ResourceType, Subject},
    service::{
        details::{self, WorkspaceDetails},
        unit::settle,
    },
    store::{Page, Transaction},
    workspace::{Workspace, WorkspaceFilter},
};

/// Which part of all workspaces a caller may read.
enum Reach {
    /// All that match.
    All,
    /// Of one owner.
    Owner(UserId),
    /// Of one organization.
    Organization(OrganizationId),
    /// Something that is not one of these; each must be asked about.
    Mixed,
}

impl Workspaces {
    /// A workspace.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound); also for a deleted one unless `include_deleted`.
    pub async fn get(
        &self,
        subject: &Subject,
        id: WorkspaceId,
        include_deleted: bool,
    ) -> Result<WorkspaceDetails> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let found = tx.workspaces().get(id).await?;
            let found = found.filter(|workspace| include_deleted || !workspace.deleted);
            self.with_details(tx.as_mut(), subject, found).await
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// What the caller of [`create`](Self::create) is shown of what was created.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn created(&self, workspace: Workspace) -> Result<WorkspaceDetails> {
        let system = Subject::system();
        let mut tx = self.deps.begin().await?;
        let found = self
            .with_details(tx.as_mut(), &system, Some(workspace))
            .await;
        settle(tx, found).await
    }

    /// A workspace by its owner and name.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    pub async fn by_name(
        &self,
        subject: &Subject,
        owner: UserId,
        name: &str,
        include_deleted: bool,
    ) -> Result<WorkspaceDetails> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let found = tx
                .workspaces()
                .by_owner_and_name(owner, name, include_deleted)
                .await?;
            self.with_details(tx.as_mut(), subject, found).await
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// A part of the workspaces that match and that the caller may read, and how many there are.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn list(
        &self,
        subject: &Subject,
        filter: &WorkspaceFilter,
        page: Page,
    ) -> Result<(Vec<WorkspaceDetails>, u64)> {
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let (found, count) = self.matching(tx, subject, filter, page).await?;
            Ok((
                details::workspaces(tx, self.deps.now(), found).await?,
                count,
            ))
        };
        let found = found.await;
        settle(tx, found).await
    }

    async fn with_details(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        found: Option<Workspace>,
    ) -> Result<WorkspaceDetails> {
        let found = self.deps.permitted(subject, Action::Read, found)?;
        let mut details = details::workspaces(tx, self.deps.now(), vec![found]).await?;
        details
            .pop()
            .ok_or_else(|| Error::internal("a workspace got lost"))
    }

    async fn matching(
        &self,
        tx: &mut dyn Transaction,
        subject: &Subject,
        filter: &WorkspaceFilter,
        page: Page,
    ) -> Result<(Vec<Workspace>, u64)> {
        let mut filter = filter.clone();
        let requester = subject.user_id;
        match self.reach(subject, &filter) {
            Reach::All => {}
            Reach::Owner(owner) => {
                if filter.owner_id.is_some_and(|asked| asked != owner) {
                    return Ok((Vec::new(), 0));
                }
                filter.owner_id = Some(owner);
            }
            Reach::Organization(organization) => filter.organization_id = Some(organization),
            Reach::Mixed => {
                let (all, _) = tx.workspaces().list(&filter, requester, Page::ALL).await?;
                let readable = |workspace: &Workspace| {
                    self.deps
                        .allows(subject, Action::Read, &workspace.as_object())
                };
                let readable: Vec<_> = all.into_iter().filter(readable).collect();
                let count = readable.len() as u64;
                return Ok((page.apply(readable.into_iter()), count));
            }
        }
        Ok(tx.workspaces().list(&filter, requester, page).await?)
    }

    /// Asks about workspaces of nobody: who may read those may read them all.
    fn reach(&self, subject: &Subject, filter: &WorkspaceFilter) -> Reach {
        let nobody = Object::of(ResourceType::Workspace);
        let reads = |object: &Object| self.deps.allows(subject, Action::Read, object);
        if reads(&nobody) {
            return Reach::All;
        }
        let reads_all_of = |id: &OrganizationId| reads(&nobody.clone().in_organization(*id));
        if let Some(organization) = &filter.organization_id
            && subject.organizations.contains_key(organization)
            && reads_all_of(organization)
        {
            return Reach::Organization(*organization);
        }
        let mut mine = subject.organizations.keys();
        match (mine.next(), mine.next()) {
            (Some(only), None) if filter.organization_id.is_none() && reads_all_of(only) => {
                Reach::Organization(*only)
            }
            _ if subject.organizations.keys().any(reads_all_of) => Reach::Mixed,
            // Owning is not enough where the credential's scope or a role says no: each is asked then.
            _ if subject.organizations.keys().all(|id| {
                reads(
                    &nobody
                        .clone()
                        .owned_by(subject.user_id)
                        .in_organization(*id),
                )
            }) =>
            {
                Reach::Owner(subject.user_id)
            }
            _ => Reach::Mixed,
        }
    }
}

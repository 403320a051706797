//! Provisioner daemons: joining, signs of life, lists.

use super::{
    Deps, details,
    details::JobDetails,
    provisioner_keys::{key_exists, refused, running},
    unit::settle,
};
use crate::{
    Error, ErrorKind, Result,
    id::{OrganizationId, ProvisionerDaemonId, ProvisionerKeyId, UserId},
    provisioner_daemon::{DaemonStatus, ProvisionerDaemon},
    provisioner_job::{ProvisionerType, Tags, check_tags, with_scope},
    rbac::{Action, Object, ResourceType, Subject},
    store::Transaction,
};

/// What a daemon says of itself when it joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonIdentity {
    /// Whose jobs it takes.
    pub organization_id: OrganizationId,
    /// The key it joins with, or what [stands for none](crate::provisioner_key::RESERVED).
    pub key_id: ProvisionerKeyId,
    /// Unique per organization.
    pub name: String,
    /// Its software's version.
    pub version: String,
    /// The version of the protocol it speaks.
    pub api_version: String,
    /// What it can run.
    pub provisioners: Vec<ProvisionerType>,
    /// Which jobs fit it.
    pub tags: Tags,
}

/// What a list of daemons is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonFilter {
    /// Any of these; all when empty.
    pub ids: Vec<ProvisionerDaemonId>,
    /// Any of these states; all when empty.
    pub status: Vec<DaemonStatus>,
    /// Holding all of these tags.
    pub tags: Tags,
}

impl DaemonFilter {
    /// Whether a daemon is wanted.
    #[must_use]
    pub fn matches(&self, found: &DaemonDetails) -> bool {
        (self.ids.is_empty() || self.ids.contains(&found.daemon.id))
            && (self.status.is_empty() || self.status.contains(&found.status))
            && holds(&found.daemon.tags, &self.tags)
    }
}

/// A daemon with what clients are shown of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonDetails {
    /// The daemon.
    pub daemon: ProvisionerDaemon,
    /// Name of the key it joined with; `None` when that was deleted.
    pub key_name: Option<String>,
    /// What it does now.
    pub status: DaemonStatus,
    /// The job it runs.
    pub current_job: Option<JobDetails>,
    /// The job it ended last.
    pub previous_job: Option<JobDetails>,
}

/// Use cases of daemons.
#[derive(Clone, Debug)]
pub struct Daemons {
    deps: Deps,
}

impl Daemons {
    /// Over `deps`.
    #[must_use]
    pub const fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Joins, or joins again under the same name.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorKind::Unauthenticated) when the key is gone,
    /// [`Conflict`](crate::ErrorKind::Conflict) when a live daemon of another key has the name.
    pub async fn register(&self, identity: &DaemonIdentity) -> Result<ProvisionerDaemon> {
        let now = self.deps.now();
        let owner = identity.tags.get("owner").and_then(|id| id.parse().ok());
        let owner = owner.unwrap_or(UserId(uuid::Uuid::nil()));
        let daemon = ProvisionerDaemon {
            id: ProvisionerDaemonId::generate(&*self.deps.entropy),
            organization_id: identity.organization_id,
            key_id: identity.key_id,
            name: identity.name.clone(),
            version: identity.version.clone(),
            api_version: identity.api_version.clone(),
            provisioners: identity.provisioners.clone(),
            tags: with_scope(identity.tags.clone(), owner),
            created_at: now,
            last_seen_at: Some(now),
        };
        let mut tx = self.deps.begin().await?;
        let joined = join(tx.as_mut(), &daemon).await;
        settle(tx, joined).await
    }

    /// The tags of a daemon that a user lets join: one for the organization's jobs, or with the tag
    /// `scope=user` one for their own.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden), [`InvalidInput`](ErrorKind::InvalidInput) naming `tag`.
    pub fn tags_of_user(
        &self,
        subject: &Subject,
        organization: OrganizationId,
        tags: Tags,
    ) -> Result<Tags> {
        check_tags("tag", &tags)?;
        let tags = with_scope(tags, subject.user_id);
        let object = Object::of(ResourceType::ProvisionerDaemon).in_organization(organization);
        let personal = tags.get("scope").is_some_and(|scope| scope == "user");
        let object = if personal {
            object.owned_by(subject.user_id)
        } else {
            object
        };
        if self.deps.allows(subject, Action::Create, &object) {
            return Ok(tags);
        }
        let message = "Only template admins and owners run provisioner daemons for the whole \
                       organization. With the tag scope=user a daemon takes your own jobs.";
        Err(Error::new(ErrorKind::Forbidden, message))
    }

    /// Notes a sign of life.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn heartbeat(&self, id: ProvisionerDaemonId) -> Result<()> {
        let mut tx = self.deps.begin().await?;
        let noted = tx.provisioner_daemons().touch(id, self.deps.now()).await;
        settle(tx, noted.map_err(Into::into)).await
    }

    /// All daemons of an organization, oldest first.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when the caller may not read them.
    pub async fn list(
        &self,
        subject: &Subject,
        organization: OrganizationId,
    ) -> Result<Vec<DaemonDetails>> {
        let object = Object::of(ResourceType::ProvisionerDaemon).in_organization(organization);
        self.deps.require(subject, Action::Read, &object)?;
        let now = self.deps.now();
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let daemons = tx.provisioner_daemons().list(organization).await?;
            let ids: Vec<_> = daemons.iter().map(|daemon| daemon.id).collect();
            let jobs = tx.provisioner_jobs().of_workers(&ids).await?;
            let jobs = details::jobs(tx, now, jobs).await?;
            let keys = tx.provisioner_keys().list(organization).await?;
            let key_name = |id: ProvisionerKeyId| match id.reserved_name() {
                Some(name) => Some(name.to_owned()),
                None => keys
                    .iter()
                    .find(|key| key.id == id)
                    .map(|key| key.name.clone()),
            };
            let add = |daemon: ProvisionerDaemon| {
                let mine = |details: &&JobDetails| details.job.worker_id == Some(daemon.id);
                let runs = |details: &&JobDetails| details.job.completed_at.is_none();
                let current = jobs.iter().filter(mine).find(runs);
                let previous = jobs.iter().filter(mine).find(|details| !runs(details));
                DaemonDetails {
                    key_name: key_name(daemon.key_id),
                    status: daemon.status(now, current.is_some()),
                    current_job: current.cloned(),
                    previous_job: previous.cloned(),
                    daemon,
                }
            };
            Ok(daemons.into_iter().map(add).collect())
        };
        let found = found.await;
        settle(tx, found).await
    }
}

async fn join(tx: &mut dyn Transaction, daemon: &ProvisionerDaemon) -> Result<ProvisionerDaemon> {
    if !key_exists(tx, daemon.key_id).await? && !comes_back(tx, daemon).await? {
        return Err(refused());
    }
    let present = tx
        .provisioner_daemons()
        .list(daemon.organization_id)
        .await?;
    // A holder of one key does not stand in for the daemons of another, nor keep the server's own out.
    // Nor does one user's daemon for another's.
    let owner = |daemon: &ProvisionerDaemon| daemon.tags.get("owner").cloned();
    let taken = present.iter().any(|other| {
        daemon.key_id != ProvisionerKeyId::BUILT_IN
            && other.name == daemon.name
            && (other.key_id != daemon.key_id || owner(other) != owner(daemon))
            && other.status(daemon.created_at, false) != DaemonStatus::Offline
    });
    if taken {
        let message = "A daemon with this name is connected with another key or account.";
        return Err(Error::conflict(message).with_field("name", "is taken"));
    }
    Ok(tx.provisioner_daemons().upsert(daemon).await?)
}

/// Whether its key was deleted while it, or another daemon of the key, runs jobs.
async fn comes_back(tx: &mut dyn Transaction, daemon: &ProvisionerDaemon) -> Result<bool> {
    let retired = tx.provisioner_keys().retired(daemon.organization_id);
    let retired = retired.await?;
    match retired.iter().find(|key| key.id == daemon.key_id) {
        Some(key) => Ok(!running(tx, key).await?.is_empty()),
        None => Ok(false),
    }
}

fn holds(tags: &Tags, wanted: &Tags) -> bool {
    let mut wanted = wanted.iter();
    wanted.all(|(key, value)| tags.get(key) == Some(value))
}

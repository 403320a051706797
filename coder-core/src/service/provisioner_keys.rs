//! Keys with which external daemons join an organization.

use super::{
    Deps,
    daemons::{DaemonDetails, Daemons},
    jobs::Claim,
    unit::settle,
};
use crate::{
    Error, ErrorKind, Result,
    event::Event,
    id::{OrganizationId, ProvisionerKeyId},
    name::check_version_name,
    provisioner_daemon::DaemonStatus,
    provisioner_job::{ProvisionerJob, Tags, check_tags},
    provisioner_key::{ProvisionerKey, RESERVED, generate_secret, parse_secret},
    rbac::{Action, Object, ResourceType, Subject},
    secret::Secret,
    store::Transaction,
};

/// Most keys of an organization.
const MAX_KEYS: usize = 500;

/// A key to make.
#[derive(Clone, Debug, Default)]
pub struct NewProvisionerKey {
    /// Unique per organization: 1 to 64 letters and digits with single `_`, `.` or `-` between them.
    pub name: String,
    /// The tags of the daemons that will join with it.
    pub tags: Tags,
}

/// A key with the daemons that joined with it and are alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDaemons {
    /// The key.
    pub key: ProvisionerKey,
    /// Its daemons, oldest first.
    pub daemons: Vec<DaemonDetails>,
}

/// Use cases of keys.
#[derive(Clone, Debug)]
pub struct ProvisionerKeys {
    deps: Deps,
}

impl ProvisionerKeys {
    /// Over `deps`.
    #[must_use]
    pub const fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Makes a key and answers its secret, which nobody is shown again.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when the caller may not, [`InvalidInput`](ErrorKind::InvalidInput)
    /// and [`Conflict`](ErrorKind::Conflict) naming fields.
    pub async fn create(
        &self,
        subject: &Subject,
        organization: OrganizationId,
        new: NewProvisionerKey,
    ) -> Result<Secret> {
        self.require(subject, Action::Create, organization)?;
        check(&new)?;
        let (secret, secret_hash) = generate_secret(&*self.deps.entropy);
        let key = ProvisionerKey {
            id: ProvisionerKeyId::generate(&*self.deps.entropy),
            organization_id: organization,
            name: new.name,
            secret_hash,
            tags: new.tags,
            created_at: self.deps.now(),
            deleted_at: None,
        };
        let mut tx = self.deps.begin().await?;
        let inserted = insert(tx.as_mut(), &key).await;
        settle(tx, inserted).await?;
        Ok(secret)
    }

    /// All keys of an organization, oldest first.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when the caller may not read them.
    pub async fn list(
        &self,
        subject: &Subject,
        organization: OrganizationId,
    ) -> Result<Vec<ProvisionerKey>> {
        self.require(subject, Action::Read, organization)?;
        let mut tx = self.deps.begin().await?;
        let found = tx.provisioner_keys().list(organization).await;
        settle(tx, found.map_err(Into::into)).await
    }

    /// All keys of an organization, oldest first, each with its daemons that are alive.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when the caller may not read them.
    pub async fn daemons(
        &self,
        subject: &Subject,
        organization: OrganizationId,
    ) -> Result<Vec<KeyDaemons>> {
        let keys = self.list(subject, organization).await?;
        let daemons = Daemons::new(self.deps.clone());
        let mut daemons = daemons.list(subject, organization).await?;
        daemons.retain(|details| details.status != DaemonStatus::Offline);
        let with_daemons = keys.into_iter().map(|key| KeyDaemons {
            daemons: daemons
                .iter()
                .filter(|details| details.daemon.key_id == key.id)
                .cloned()
                .collect(),
            key,
        });
        Ok(with_daemons.collect())
    }

    /// Removes a key by name. Daemons that joined with it are given no more jobs; what they run may end, for which
    /// they may also come back. Who holds their connections hears of it by [`Topic::ProvisionerKey`](crate::event::Topic), or asks
    /// [`exists`](Self::exists).
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound).
    pub async fn delete(
        &self,
        subject: &Subject,
        organization: OrganizationId,
        name: &str,
    ) -> Result<()> {
        self.require(subject, Action::Delete, organization)?;
        let mut tx = self.deps.begin().await?;
        let deleted = async {
            let found = tx.provisioner_keys().by_name(organization, name).await?;
            let key = self.deps.permitted(subject, Action::Delete, found)?;
            tx.provisioner_keys()
                .retire(key.id, self.deps.now())
                .await?;
            remove_retired(tx.as_mut(), organization).await?;
            tx.publish(Event::ProvisionerKeyDeleted { key_id: key.id })
                .await?;
            Ok(())
        };
        let deleted = deleted.await;
        settle(tx, deleted).await
    }

    /// The key that `secret` belongs to.
    ///
    /// # Errors
    /// [`Unauthenticated`](ErrorKind::Unauthenticated), the same for every cause.
    pub async fn authenticate(&self, secret: &str) -> Result<ProvisionerKey> {
        let (key, _) = self.authenticate_daemon(secret).await?;
        let present = Some(key).filter(|key| key.deleted_at.is_none());
        present.ok_or_else(refused)
    }

    /// The key that `secret` belongs to, for a daemon that joins. One that was deleted counts while its daemons run
    /// jobs, which are answered too: only for those may the daemon come back.
    ///
    /// # Errors
    /// [`Unauthenticated`](ErrorKind::Unauthenticated), the same for every cause.
    pub async fn authenticate_daemon(&self, secret: &str) -> Result<(ProvisionerKey, Vec<Claim>)> {
        let hash = parse_secret(secret).ok_or_else(refused)?;
        let mut tx = self.deps.begin().await?;
        let found = async {
            let tx = tx.as_mut();
            let found = tx.provisioner_keys().by_secret(hash).await?;
            // The index has compared byte by byte; what decides takes the same time whatever the difference.
            let key = found.filter(|key| key.secret_hash == hash);
            let key = key.ok_or_else(refused)?;
            if key.deleted_at.is_none() {
                return Ok((key, Vec::new()));
            }
            let running = running(tx, &key).await?;
            if running.is_empty() {
                return Err(refused());
            }
            Ok((key, running))
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// Whether a key still holds. Ids that stand for no key always do.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable).
    pub async fn exists(&self, id: ProvisionerKeyId) -> Result<bool> {
        let mut tx = self.deps.begin().await?;
        let found = key_exists(tx.as_mut(), id).await;
        settle(tx, found).await
    }

    fn require(
        &self,
        subject: &Subject,
        action: Action,
        organization: OrganizationId,
    ) -> Result<()> {
        let any = Object::of(ResourceType::ProvisionerDaemon).in_organization(organization);
        self.deps.require(subject, action, &any)
    }
}

/// The jobs that daemons of a key run.
pub(super) async fn running(tx: &mut dyn Transaction, key: &ProvisionerKey) -> Result<Vec<Claim>> {
    let daemons = tx.provisioner_daemons().list(key.organization_id).await?;
    let daemons = daemons.iter().filter(|daemon| daemon.key_id == key.id);
    let daemons: Vec<_> = daemons.map(|daemon| daemon.id).collect();
    let jobs = tx.provisioner_jobs().of_workers(&daemons).await?;
    let running = jobs.iter().filter(|job| job.completed_at.is_none());
    let claim = |job: &ProvisionerJob| {
        job.lease.map(|lease| Claim {
            job_id: job.id,
            lease,
        })
    };
    Ok(running.filter_map(claim).collect())
}

/// Removes the deleted keys of an organization whose daemons run nothing any more.
async fn remove_retired(tx: &mut dyn Transaction, organization: OrganizationId) -> Result<()> {
    for key in tx.provisioner_keys().retired(organization).await? {
        if running(tx, &key).await?.is_empty() {
            tx.provisioner_keys().delete(key.id).await?;
        }
    }
    Ok(())
}

/// As [`ProvisionerKeys::exists`], within a transaction.
pub(super) async fn key_exists(tx: &mut dyn Transaction, id: ProvisionerKeyId) -> Result<bool> {
    Ok(id.reserved_name().is_some() || tx.provisioner_keys().get(id).await?.is_some())
}

/// What a daemon is told whose key is gone.
pub(super) fn refused() -> Error {
    let message = "The provisioner key is not valid, or it was deleted.";
    Error::new(ErrorKind::Unauthenticated, message)
}

fn check(new: &NewProvisionerKey) -> Result<()> {
    check_version_name("name", &new.name)?;
    let mut reserved = RESERVED.iter();
    if reserved.any(|(_, name)| new.name.eq_ignore_ascii_case(name)) {
        return Err(Error::invalid_field("name", "is a reserved word"));
    }
    check_tags("tags", &new.tags)?;
    let of_a_user = new
        .tags
        .get("scope")
        .is_some_and(|scope| scope != "organization")
        || new.tags.get("owner").is_some_and(|owner| !owner.is_empty());
    if of_a_user {
        let detail = "a key is the organization's: leave scope and owner out";
        return Err(Error::invalid_field("tags", detail));
    }
    Ok(())
}

async fn insert(tx: &mut dyn Transaction, key: &ProvisionerKey) -> Result<()> {
    let present = tx.provisioner_keys().list(key.organization_id).await?;
    if present.len() >= MAX_KEYS {
        let message = format!("The organization has {MAX_KEYS} keys, delete some first.");
        return Err(Error::conflict(message));
    }
    tx.provisioner_keys().insert(key).await.map_err(|error| {
        if error.is_conflict_with("provisioner_keys_organization_id_name_key") {
            let message = "A provisioner key with this name exists already.";
            return Error::conflict(message).with_field("name", "is taken");
        }
        error.into()
    })
}

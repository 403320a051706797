//! Whether a daemon may join, and may stay.

use crate::{api::find, app_state::AppState, http::extract::DaemonAuth};
use coder_core::{
    Error, ErrorKind,
    event::{Subscription, Topic},
    id::{LeaseId, OrganizationId, ProvisionerJobId, ProvisionerKeyId, UserId},
    provisioner_job::{Tags, check_tags, with_scope},
    provisioner_key::ProvisionerKey,
    service::{
        daemons::Daemons, organizations::ensure_default_organization,
        provisioner_keys::ProvisionerKeys, sessions,
    },
};
use coder_provisioner::remote::Standing;
use futures_util::StreamExt as _;
use std::{convert::Infallible, future::pending, time::Duration};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// How often it is looked whether a daemon may stay, because events may get lost.
const RECHECK: Duration = Duration::from_secs(4);

/// A daemon that may join.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) organization: OrganizationId,
    pub(super) key_id: ProvisionerKeyId,
    pub(super) tags: Tags,
    auth: DaemonAuth,
}

/// Finds out whether a daemon may join `organization`, with which tags.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound), [`Forbidden`](ErrorKind::Forbidden), and
/// [`InvalidInput`](ErrorKind::InvalidInput) naming `tag`.
pub(super) async fn admit(
    state: &AppState,
    auth: DaemonAuth,
    organization: &str,
    tags: &Tags,
) -> Result<Member, Error> {
    let (organization, key_id, tags) = match &auth {
        DaemonAuth::Key(key, _) => {
            let named = organization == "default"
                || organization == key.organization_id.to_string()
                || is_called(state, key.organization_id, organization).await?;
            if !named {
                return Err(Error::not_found());
            }
            if !tags.is_empty() {
                let detail = "a daemon that joins with a key has the key's tags";
                return Err(Error::invalid_field("tag", detail));
            }
            (key.organization_id, key.id, key.tags.clone())
        }
        DaemonAuth::Psk => {
            let default = ensure_default_organization(&state.deps).await?;
            let named = [default.id.to_string(), default.name, "default".to_owned()];
            if !named.iter().any(|name| name == organization) {
                return Err(Error::not_found());
            }
            check_tags("tag", tags)?;
            if tags
                .get("scope")
                .is_some_and(|scope| scope != "organization")
            {
                let detail = "a daemon that joins with the pre-shared key is the organization's";
                return Err(Error::invalid_field("tag", detail));
            }
            (default.id, ProvisionerKeyId::PSK, tags.clone())
        }
        DaemonAuth::User(session) => {
            let found = find::organization(state, &session.subject, organization).await?;
            let daemons = Daemons::new(state.deps.clone());
            let tags = daemons.tags_of_user(&session.subject, found, tags.clone())?;
            (found, ProvisionerKeyId::USER_AUTH, tags)
        }
    };
    let nobody = UserId(uuid::Uuid::nil());
    let tags = match &auth {
        DaemonAuth::User(_) => tags,
        DaemonAuth::Key(..) | DaemonAuth::Psk => with_scope(tags, nobody),
    };
    Ok(Member {
        organization,
        key_id,
        tags,
        auth,
    })
}

impl Member {
    /// What is thought of the daemon when it has just joined.
    pub(super) fn standing(&self, state: &AppState) -> Standing {
        match &self.auth {
            _ if state.shutdown.is_cancelled() => Standing::Stopping,
            DaemonAuth::Key(key, _) if key.deleted_at.is_some() => leaving(key),
            DaemonAuth::Key(..) | DaemonAuth::Psk | DaemonAuth::User(_) => Standing::Welcome,
        }
    }

    /// The jobs for which a daemon may come back whose key was deleted.
    pub(super) fn held(&self) -> Vec<(ProvisionerJobId, LeaseId)> {
        match &self.auth {
            DaemonAuth::Key(_, running) => running
                .iter()
                .map(|claim| (claim.job_id, claim.lease))
                .collect(),
            DaemonAuth::Psk | DaemonAuth::User(_) => Vec::new(),
        }
    }

    /// Says for ever what is thought of the daemon.
    pub(super) async fn watch(
        &self,
        state: &AppState,
        standing: &watch::Sender<Standing>,
    ) -> Infallible {
        let mut events = self.events(state).await;
        let mut ticks = interval(RECHECK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = state.shutdown.cancelled() => {
                    standing.send_replace(Standing::Stopping);
                    pending::<()>().await;
                }
                _ = ticks.tick() => {}
                () = next(&mut events) => {}
            }
            match self.may_stay(state).await {
                Ok(now) => {
                    standing.send_if_modified(|before| {
                        let changed = *before != now;
                        *before = now;
                        changed
                    });
                }
                // While the database is away, daemons stay.
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a provisioner daemon was not checked"
                ),
            }
        }
    }

    async fn may_stay(&self, state: &AppState) -> Result<Standing, Error> {
        match &self.auth {
            DaemonAuth::Psk => Ok(Standing::Welcome),
            DaemonAuth::Key(key, _) => {
                let keys = ProvisionerKeys::new(state.deps.clone());
                if keys.exists(key.id).await? {
                    return Ok(Standing::Welcome);
                }
                Ok(leaving(key))
            }
            DaemonAuth::User(session) => {
                let session = match sessions::still_valid(&state.deps, session).await {
                    Ok(session) => session,
                    Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                        let reason = "the session has ended, sign in again";
                        return Ok(Standing::Refused(reason.to_owned()));
                    }
                    Err(error) => return Err(error),
                };
                let daemons = Daemons::new(state.deps.clone());
                let tags = self.tags.clone();
                match daemons.tags_of_user(&session.subject, self.organization, tags) {
                    Ok(_) => Ok(Standing::Welcome),
                    Err(error) => Ok(Standing::Refused(error.message().to_owned())),
                }
            }
        }
    }

    async fn events(&self, state: &AppState) -> Option<Subscription> {
        let topic = match &self.auth {
            DaemonAuth::Key(key, _) => Topic::ProvisionerKey(key.id),
            DaemonAuth::User(session) => Topic::User(session.user.id),
            DaemonAuth::Psk => return None,
        };
        // Without events the next look does.
        state.deps.pubsub.subscribe(topic).await.ok()
    }
}

fn leaving(key: &ProvisionerKey) -> Standing {
    let reason = format!("the provisioner key {:?} was deleted", key.name);
    Standing::Leaving(reason)
}

async fn is_called(state: &AppState, id: OrganizationId, name: &str) -> Result<bool, Error> {
    let mut tx = state.deps.begin().await?;
    let found = tx.organizations().get(id).await?;
    tx.commit().await?;
    Ok(found.is_some_and(|found| found.name.eq_ignore_ascii_case(name)))
}

async fn next(events: &mut Option<Subscription>) {
    let ended = match events {
        Some(events) => events.next().await.is_none(),
        None => true,
    };
    if ended {
        pending::<()>().await;
    }
}

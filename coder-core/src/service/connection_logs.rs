//! Who was connected to workspaces, and when: told by agents, looked at by auditors.

use super::{
    Deps,
    unit::{forget_old, settle},
};
use crate::{
    Error, ErrorKind, Result, Timestamp,
    connection_log::{ConnectionLog, ConnectionLogFilter, ConnectionType},
    id::{ConnectionId, ConnectionLogId},
    log_line,
    organization::Organization,
    rbac::{Action, Object, ResourceType, Subject},
    store::{AgentOwner, Page},
    user::User,
};
use chrono::TimeDelta;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// Longest reason that is kept, in bytes.
const MAX_REASON_BYTES: usize = 512;
/// Entries removed in one transaction.
const AT_ONCE: u32 = 10_000;

/// Use cases of the connection log.
#[derive(Clone, Debug)]
pub struct ConnectionLogs {
    deps: Deps,
}

/// An entry with the names of what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLogDetails {
    /// The entry.
    pub log: ConnectionLog,
    /// Owner of the workspace, if still known.
    pub owner: Option<User>,
    /// Organization of the workspace, if still known.
    pub organization: Option<Organization>,
}

/// A connection as its agent tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedConnection {
    /// What the agent calls it.
    pub id: ConnectionId,
    /// When it began, or ended.
    pub at: Timestamp,
    /// What for.
    pub kind: ConnectionType,
    /// From where, if that is known.
    pub ip: Option<IpAddr>,
    /// How it ended, once it has.
    pub end: Option<ConnectionEnd>,
}

/// How a connection ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionEnd {
    /// The exit code of what ran in it, if that is known.
    pub exit_code: Option<i32>,
    /// Why it ended; may be empty.
    pub reason: String,
}

impl ConnectionLogs {
    /// Over `deps`.
    #[must_use]
    pub const fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Notes the begin or the end of a connection through an agent. Telling it again changes nothing.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable).
    pub async fn report(&self, owner: &AgentOwner, reported: &ReportedConnection) -> Result<()> {
        let AgentOwner {
            agent, workspace, ..
        } = owner;
        // An agent's clock may be wrong; nothing happens in the future.
        let at = reported.at.min(self.deps.now());
        let end = reported.end.clone();
        let reason = end
            .as_ref()
            .map(|end| end.reason.as_str())
            .unwrap_or_default();
        let log = ConnectionLog {
            id: ConnectionLogId::generate(&*self.deps.entropy),
            connect_time: at,
            organization_id: workspace.organization_id,
            workspace_owner_id: workspace.owner_id,
            workspace_id: workspace.id,
            workspace_name: workspace.name.clone(),
            agent_name: agent.name.clone(),
            ip: reported.ip,
            kind: reported.kind,
            connection_id: reported.id,
            disconnect_time: end.as_ref().map(|_| at),
            disconnect_reason: log_line::cut(&log_line::clean(reason), MAX_REASON_BYTES),
            exit_code: end.and_then(|end| end.exit_code),
        };
        let mut tx = self.deps.begin().await?;
        let noted = tx.connection_logs().upsert(&log).await;
        settle(tx, noted.map_err(Into::into)).await
    }

    /// A part of the entries that match, the newest first, and how many match.
    ///
    /// # Errors
    /// [`Forbidden`](ErrorKind::Forbidden) for who may not look at the log.
    pub async fn list(
        &self,
        subject: &Subject,
        filter: &ConnectionLogFilter,
        page: Page,
    ) -> Result<(Vec<ConnectionLogDetails>, u64)> {
        let object = Object::of(ResourceType::ConnectionLog);
        if !self.deps.allows(subject, Action::Read, &object) {
            let message = "Only owners and auditors may look at the connection log.";
            return Err(Error::new(ErrorKind::Forbidden, message));
        }
        let mut tx = self.deps.begin().await?;
        let found = async {
            let (logs, count) = tx.connection_logs().list(filter, page).await?;
            let people: BTreeSet<_> = logs.iter().map(|log| log.workspace_owner_id).collect();
            let people: Vec<_> = people.into_iter().collect();
            let people = tx.users().get_many(&people).await?;
            let people: BTreeMap<_, _> = people.into_iter().map(|user| (user.id, user)).collect();
            let of: BTreeSet<_> = logs.iter().map(|log| log.organization_id).collect();
            let mut organizations = BTreeMap::new();
            for id in of {
                organizations.insert(id, tx.organizations().get(id).await?);
            }
            let details = logs.into_iter().map(|log| ConnectionLogDetails {
                owner: people.get(&log.workspace_owner_id).cloned(),
                organization: organizations.get(&log.organization_id).cloned().flatten(),
                log,
            });
            Ok::<_, Error>((details.collect(), count))
        };
        let found = found.await;
        settle(tx, found).await
    }

    /// Removes entries of connections that began more than `retention` ago; answers how many.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable).
    pub async fn forget_old(&self, retention: TimeDelta) -> Result<u64> {
        forget_old(&self.deps, retention, AT_ONCE, |tx, before, limit| {
            tx.connection_logs().delete_before(before, limit)
        })
        .await
    }
}

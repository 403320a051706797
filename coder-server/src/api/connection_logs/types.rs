//! What clients see of the log of connections.

use chrono::{DateTime, Utc};
use coder_core::{organization::Organization, service::connection_logs::ConnectionLogDetails};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A part of the log, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionLogResponse {
    pub(crate) connection_logs: Vec<ConnectionLog>,
    /// How many entries match.
    pub(crate) count: u64,
    /// Where counting ends; 0 for nowhere.
    pub(crate) count_cap: u64,
}

/// A connection to a workspace.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionLog {
    id: Uuid,
    connect_time: DateTime<Utc>,
    organization: MinimalOrganization,
    workspace_owner_id: Uuid,
    workspace_owner_username: String,
    workspace_id: Uuid,
    workspace_name: String,
    agent_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    /// `ssh`, `vscode`, `jetbrains`, `reconnecting_pty`, `workspace_app`, `port_forwarding` or `tunnel`.
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh_info: Option<ConnectionLogSSHInfo>,
}

/// What is known of a connection that agents tell of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionLogSSHInfo {
    connection_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_time: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    disconnect_reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
}

/// An organization, as far as it is shown beside something else.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct MinimalOrganization {
    id: Uuid,
    name: String,
    display_name: String,
    icon: String,
}

impl From<ConnectionLogDetails> for ConnectionLog {
    fn from(details: ConnectionLogDetails) -> Self {
        let ConnectionLogDetails {
            log,
            owner,
            organization,
        } = details;
        Self {
            id: log.id.into(),
            connect_time: log.connect_time,
            organization: MinimalOrganization::new(log.organization_id.into(), organization),
            workspace_owner_id: log.workspace_owner_id.into(),
            workspace_owner_username: owner.map(|owner| owner.username).unwrap_or_default(),
            workspace_id: log.workspace_id.into(),
            workspace_name: log.workspace_name,
            agent_name: log.agent_name,
            ip: log.ip.map(|ip| ip.to_string()),
            r#type: log.kind.as_str(),
            ssh_info: Some(ConnectionLogSSHInfo {
                connection_id: log.connection_id.into(),
                disconnect_time: log.disconnect_time,
                disconnect_reason: log.disconnect_reason,
                exit_code: log.exit_code,
            }),
        }
    }
}

impl MinimalOrganization {
    /// One that is not known any more has no names.
    fn new(id: Uuid, organization: Option<Organization>) -> Self {
        let organization = organization.map(|one| (one.name, one.display_name, one.icon));
        let (name, display_name, icon) = organization.unwrap_or_default();
        Self {
            id,
            name,
            display_name,
            icon,
        }
    }
}

//! Who was connected to workspaces, and when.

use crate::{
    Timestamp,
    enums::string_enum,
    id::{ConnectionId, ConnectionLogId, OrganizationId, UserId, WorkspaceId},
};
use std::net::IpAddr;

string_enum! {
    /// What a connection was for.
    pub enum ConnectionType {
        /// Plain SSH.
        Ssh => "ssh",
        /// VS Code, over SSH.
        Vscode => "vscode",
        /// A JetBrains IDE, over SSH.
        Jetbrains => "jetbrains",
        /// A web terminal.
        ReconnectingPty => "reconnecting_pty",
        /// An app of the workspace.
        WorkspaceApp => "workspace_app",
        /// A port of the workspace.
        PortForwarding => "port_forwarding",
        /// All of the workspace.
        Tunnel => "tunnel",
    }
}

string_enum! {
    /// Whether a connection is open.
    pub enum ConnectionLogStatus {
        /// It is.
        Ongoing => "ongoing",
        /// It has ended.
        Completed => "completed",
    }
}

/// One connection to a workspace. It is kept longer than what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLog {
    /// Identifier.
    pub id: ConnectionLogId,
    /// When it began.
    pub connect_time: Timestamp,
    /// Of the workspace.
    pub organization_id: OrganizationId,
    /// Whose workspace it was.
    pub workspace_owner_id: UserId,
    /// To which workspace.
    pub workspace_id: WorkspaceId,
    /// The workspace's name then.
    pub workspace_name: String,
    /// Through which agent.
    pub agent_name: String,
    /// From where, if that is known.
    pub ip: Option<IpAddr>,
    /// What for.
    pub kind: ConnectionType,
    /// What the agent calls it.
    pub connection_id: ConnectionId,
    /// When it ended.
    pub disconnect_time: Option<Timestamp>,
    /// Why it ended; may be empty.
    pub disconnect_reason: String,
    /// The exit code of what ran in it, if that is known.
    pub exit_code: Option<i32>,
}

/// What a list of connections is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionLogFilter {
    /// Only of this organization.
    pub organization_id: Option<OrganizationId>,
    /// To workspaces of this owner.
    pub workspace_owner_id: Option<UserId>,
    /// To workspaces of the owner with this username, ignoring case.
    pub workspace_owner: Option<String>,
    /// To this workspace.
    pub workspace_id: Option<WorkspaceId>,
    /// To workspaces that had this name, ignoring case.
    pub workspace_name: Option<String>,
    /// Called so by the agent.
    pub connection_id: Option<ConnectionId>,
    /// For this.
    pub kind: Option<ConnectionType>,
    /// Open or not.
    pub status: Option<ConnectionLogStatus>,
    /// That began after this time.
    pub connected_after: Option<Timestamp>,
    /// That began before this time.
    pub connected_before: Option<Timestamp>,
}

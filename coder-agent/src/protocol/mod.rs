//! What an agent and the server say to each other outside the tunnel.
//!
//! Every call is plain HTTP with a JSON body below [`BASE_PATH`], authenticated by the header
//! [`SESSION_TOKEN_HEADER`] holding the agent's token, so an agent can be written in any language:
//!
//! | call | request | answer |
//! |---|---|---|
//! | `GET manifest` | – | [`Manifest`] |
//! | `POST startup` | [`Startup`] | – |
//! | `POST report-lifecycle` | [`LifecycleReport`] | – |
//! | `PATCH logs` | [`PatchLogs`] | – (413 once the agent's log is full) |
//! | `POST log-source` | [`PostLogSourceRequest`] | [`LogSource`] |
//! | `POST metadata` | [`ReportMetadata`] | – |
//! | `POST script-completed` | [`ScriptCompleted`] | – |
//! | `POST app-health` | [`ReportAppHealth`] | – |
//! | `POST report-stats` | [`Stats`] | [`StatsResponse`] |
//! | `GET gitsshkey` | – | [`GitSshKey`] (403 if the template keeps it from the agent) |
//! | `GET external-auth?match=&id=&listen=` | – | [`ExternalAuthResponse`] (404 without a provider) |
//! | `POST sub-agents` | [`CreateSubAgentRequest`] | [`CreateSubAgentResponse`] |
//! | `GET sub-agents` | – | [`ListSubAgentsResponse`] |
//! | `DELETE sub-agents/{id}` | – | – |
//! | `POST report-connection` | [`ReportConnection`] | – |
//! | `GET resources-monitoring-configuration` | – | [`ResourcesMonitoringConfiguration`] |
//! | `POST resources-monitoring-usage` | [`ResourcesMonitoringUsage`] | – |
//! | `GET tunnel` | WebSocket upgrade | the [tunnel](crate::tunnel) |
//!
//! Beside these are the three calls by which an agent without a token gets one, see
//! [`AwsInstanceIdentityToken`], [`AzureInstanceIdentityToken`] and [`GoogleInstanceIdentityToken`].
//!
//! Calls without an answer are answered with any 2xx status; failures carry Coder's error body
//! (`message`, `detail`, `validations`). Unknown fields are ignored on both sides and missing
//! optional ones take their defaults, so that both sides can be upgraded independently.

mod app_health;
mod connection;
mod container;
mod devcontainer;
mod git;
mod instance_identity;
mod lifecycle;
mod log;
mod manifest;
mod metadata;
mod resources;
mod script;
mod startup;
mod stats;
mod version;

pub use app_health::{AppHealthUpdate, ReportAppHealth};
pub use coder_core::connection_log::ConnectionType;
pub use coder_core::provisioner_job::LogLevel;
pub use coder_core::script::{ScriptStage, ScriptStatus};
pub use coder_core::template::SharingLevel;
pub use coder_core::workspace_agent::LifecycleState;
pub use coder_core::workspace_app::AppHealth;
pub use connection::{ConnectionAction, ReportConnection};
pub use container::{
    DevcontainerStatus, ListContainersResponse, WorkspaceAgentContainer,
    WorkspaceAgentContainerPort, WorkspaceAgentDevcontainer, WorkspaceAgentDevcontainerAgent,
};
pub use devcontainer::{
    CreateSubAgentRequest, CreateSubAgentResponse, Devcontainer, ListSubAgentsResponse, SubAgent,
    SubAgentApp,
};
pub use git::{ExternalAuthQuery, ExternalAuthResponse, GitSshKey};
pub use instance_identity::{
    AuthenticateResponse, AwsInstanceIdentityToken, AzureInstanceIdentityToken,
    GoogleInstanceIdentityToken,
};
pub use lifecycle::LifecycleReport;
pub use log::{
    Log, LogSource, MAX_AGENT_LOG_BYTES, MAX_LOG_LINE_BYTES, PatchLogs, PostLogSourceRequest,
};
pub use manifest::{App, Healthcheck, Manifest, MetadataDescription, Script};
pub use metadata::{
    MAX_METADATA_KEYS_BYTES, MAX_METADATA_OUTPUT_BYTES, MAX_METADATA_STORED_BYTES, MetadataResult,
    ReportMetadata,
};
pub use resources::{
    MemoryUsage, ResourcesDatapoint, ResourcesMonitoringConfiguration, ResourcesMonitoringUsage,
    VolumeUsage,
};
pub use script::{MAX_LAST_LINES_BYTES, ScriptCompleted, UNKNOWN_EXIT_CODE};
pub use startup::Startup;
pub use stats::{Stats, StatsResponse};

pub use version::{API_VERSION, API_VERSION_QUERY};

/// Where the agent's own calls live, relative to the server's address.
pub const BASE_PATH: &str = "/api/v2/workspaceagents/me/";

/// The header that carries the agent's token.
pub const SESSION_TOKEN_HEADER: &str = "Coder-Session-Token";

/// The largest request or answer body of any call, in bytes.
///
/// The biggest is a batch of log lines: the whole log of an agent is 1 MiB, and JSON escaping can
/// make that larger on the wire.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

use async_trait::async_trait;
use coder_core::id::WorkspaceAgentId;

use crate::Result;
use crate::protocol::{
    CreateSubAgentRequest, CreateSubAgentResponse, ExternalAuthQuery, ExternalAuthResponse,
    GitSshKey, LifecycleReport, ListSubAgentsResponse, LogSource, Manifest, PatchLogs,
    PostLogSourceRequest, ReportAppHealth, ReportConnection, ReportMetadata,
    ResourcesMonitoringConfiguration, ResourcesMonitoringUsage, ScriptCompleted, Startup, Stats,
    StatsResponse,
};

/// The calls of one agent, which is known by whoever made the value.
///
/// The server implements it over its services for the agent whose token it checked;
/// [`AgentClient`](crate::AgentClient) implements it over HTTP for the agent itself. Both run
/// `agent_api_conformance!` (feature `testing`).
///
/// Every method may fail with [`Unauthenticated`](crate::ErrorKind::Unauthenticated) once the
/// token is not good any more (the workspace was stopped, rebuilt or deleted), and with a
/// [temporary](crate::Error::is_temporary) error when the other side cannot answer now.
#[async_trait]
pub trait AgentApi: Send + Sync {
    /// What to do.
    async fn manifest(&self) -> Result<Manifest>;

    /// The agent runs: its version, and where its sessions will start.
    async fn report_startup(&self, startup: Startup) -> Result<()>;

    /// The agent reached a state. One that does not move forward is accepted and ignored.
    async fn report_lifecycle(&self, report: LifecycleReport) -> Result<()>;

    /// Appends lines. Lines of an unknown source are kept under the source "External".
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) once the agent's
    /// [log is full](crate::protocol::MAX_AGENT_LOG_BYTES): nothing of the batch is kept and more
    /// is not worth sending. [`InvalidInput`](crate::ErrorKind::InvalidInput) without any line.
    async fn patch_logs(&self, logs: PatchLogs) -> Result<()>;

    /// Names a source of lines; idempotent.
    async fn post_log_source(&self, source: PostLogSourceRequest) -> Result<LogSource>;

    /// Stores the newest values. Keys that the template does not have are ignored, and values
    /// longer than [the bound](crate::protocol::MAX_METADATA_STORED_BYTES) are cut.
    async fn report_metadata(&self, report: ReportMetadata) -> Result<()>;

    /// A script ended.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a script of another agent.
    async fn script_completed(&self, completed: ScriptCompleted) -> Result<()>;

    /// Apps became healthy or unhealthy.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for an app of another agent; then nothing changes.
    async fn report_app_health(&self, report: ReportAppHealth) -> Result<()>;

    /// Use since the last report.
    async fn report_stats(&self, stats: Stats) -> Result<StatsResponse>;

    /// The owner's key pair for Git hosts; the same until the owner replaces it.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) when the template keeps it from the agent.
    async fn git_ssh_key(&self) -> Result<GitSshKey>;

    /// The owner's credentials at an external provider.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when no provider is responsible,
    /// [`Forbidden`](crate::ErrorKind::Forbidden) as above,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a query that names nothing.
    async fn external_auth(&self, query: ExternalAuthQuery) -> Result<ExternalAuthResponse>;

    /// Makes an agent inside of this one, or gives the one that the template foresees another token.
    ///
    /// # Errors
    /// [`Forbidden`](crate::ErrorKind::Forbidden) for an agent that is inside of one itself,
    /// [`Conflict`](crate::ErrorKind::Conflict) for a name that is taken,
    /// [`NotFound`](crate::ErrorKind::NotFound) for an id that the template does not foresee here,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for what cannot be a name or a slug.
    async fn create_sub_agent(&self, new: CreateSubAgentRequest) -> Result<CreateSubAgentResponse>;

    /// The agents inside of this one.
    async fn list_sub_agents(&self) -> Result<ListSubAgentsResponse>;

    /// Ends an agent inside of this one.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is none with this id.
    async fn delete_sub_agent(&self, id: WorkspaceAgentId) -> Result<()>;

    /// Somebody connected to the workspace, or is gone. Telling it again changes nothing.
    async fn report_connection(&self, connection: ReportConnection) -> Result<()>;

    /// Which resources to measure.
    async fn resources_monitoring_configuration(&self) -> Result<ResourcesMonitoringConfiguration>;

    /// What was measured of them.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for more measurements than the configuration
    /// asks for.
    async fn push_resources_monitoring_usage(&self, usage: ResourcesMonitoringUsage) -> Result<()>;
}

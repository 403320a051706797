//! What an agent calls, over the core's use cases. The HTTP endpoints below `workspaceagents/me/` and
//! [`AgentApi`] are two faces of the same calls.

use super::host_key;
use super::sub_agents::devcontainer;
use crate::app_state::AppState;
use async_trait::async_trait;
use coder_agent::{
    AgentApi,
    protocol::{
        App, ConnectionAction, CreateSubAgentRequest, CreateSubAgentResponse, ExternalAuthQuery,
        ExternalAuthResponse, GitSshKey, Healthcheck, LifecycleReport, ListSubAgentsResponse,
        LogSource, Manifest, MetadataDescription, PatchLogs, PostLogSourceRequest, ReportAppHealth,
        ReportConnection, ReportMetadata, ResourcesDatapoint, ResourcesMonitoringConfiguration,
        ResourcesMonitoringUsage, Script, ScriptCompleted, Startup, Stats, StatsResponse,
    },
};
use coder_core::{
    Error, ErrorKind,
    agent_stats::{AgentStats, SessionCounts},
    id::WorkspaceAgentId,
    resource_monitor::{COLLECTION_INTERVAL_SECONDS, DATAPOINTS, ResourceUsage},
    script::{ScriptTiming, WorkspaceAgentScript},
    service::{
        agents::{
            AgentStartup, Agents, NewAgentLog, StatsReport, UsageDatapoint, require_user_data,
        },
        connection_logs::{ConnectionEnd, ConnectionLogs, ReportedConnection},
    },
    store::AgentOwner,
    workspace_agent::{AgentMetadatum, MetadataUpdate},
    workspace_app::WorkspaceApp,
};
use std::sync::Arc;

/// The calls of one agent, whose token was checked.
#[derive(Clone, Debug)]
pub struct AgentCalls {
    pub(super) agents: Agents,
    state: AppState,
    pub(super) owner: Arc<AgentOwner>,
}

impl AgentCalls {
    /// The calls of the agent in `owner`.
    #[must_use]
    pub fn new(state: &AppState, owner: Arc<AgentOwner>) -> Self {
        Self {
            agents: Agents::new(state.deps.clone()),
            state: state.clone(),
            owner,
        }
    }

    /// See [`AgentApi::manifest`].
    ///
    /// # Errors
    /// As there.
    pub async fn manifest(&self) -> Result<Manifest, Error> {
        let found = self.agents.manifest(&self.owner).await?;
        let AgentOwner {
            agent, workspace, ..
        } = &*self.owner;
        let host_key = host_key(&self.agents, workspace, &agent.name).await?;
        Ok(Manifest {
            agent_id: agent.id,
            agent_name: agent.name.clone(),
            parent_id: agent.parent_id,
            owner_username: found.owner.username,
            workspace_id: workspace.id,
            workspace_name: workspace.name.clone(),
            environment_variables: agent.environment_variables.clone(),
            directory: agent.directory.clone(),
            motd_path: agent.motd_file.clone(),
            vs_code_port_proxy_uri: String::new(),
            disable_direct_connections: false,
            scripts: found.scripts.into_iter().map(script).collect(),
            apps: found.apps.into_iter().map(app).collect(),
            metadata: found.metadata.into_iter().map(metadatum).collect(),
            devcontainers: found.devcontainers.into_iter().map(devcontainer).collect(),
            git_auth_configs: found.external_auth_providers.len(),
            logs_length: usize::try_from(agent.logs_length).unwrap_or_default(),
            ssh_host_key_seed: Some(host_key.to_hex()),
        })
    }

    /// See [`AgentApi::report_startup`].
    ///
    /// # Errors
    /// As there.
    pub async fn report_startup(&self, startup: Startup) -> Result<(), Error> {
        let startup = AgentStartup {
            version: startup.version,
            api_version: startup.api_version,
            expanded_directory: startup.expanded_directory,
            subsystems: startup.subsystems,
            run_id: startup.run_id,
        };
        self.agents.report_startup(&self.owner, &startup).await
    }

    /// See [`AgentApi::report_lifecycle`].
    ///
    /// # Errors
    /// As there.
    pub async fn report_lifecycle(&self, report: LifecycleReport) -> Result<(), Error> {
        let LifecycleReport { state, changed_at } = report;
        self.agents
            .report_lifecycle(&self.owner, state, changed_at)
            .await
    }

    /// See [`AgentApi::patch_logs`].
    ///
    /// # Errors
    /// As there.
    pub async fn patch_logs(&self, logs: PatchLogs) -> Result<(), Error> {
        let lines = logs.logs.into_iter().map(|line| NewAgentLog {
            created_at: line.created_at,
            output: line.output,
            level: line.level,
        });
        let lines: Vec<_> = lines.collect();
        self.agents
            .append_logs(&self.owner, logs.log_source_id, &lines)
            .await
    }

    /// See [`AgentApi::post_log_source`].
    ///
    /// # Errors
    /// As there.
    pub async fn post_log_source(&self, source: PostLogSourceRequest) -> Result<LogSource, Error> {
        let (name, icon) = (&source.display_name, &source.icon);
        let stored = self
            .agents
            .post_log_source(&self.owner, source.id, name, icon)
            .await?;
        Ok(LogSource {
            workspace_agent_id: stored.agent_id,
            id: stored.id,
            created_at: stored.created_at,
            display_name: stored.display_name,
            icon: stored.icon,
        })
    }

    /// See [`AgentApi::report_metadata`].
    ///
    /// # Errors
    /// As there.
    pub fn report_metadata(&self, report: ReportMetadata) -> Result<(), Error> {
        let updates = report.metadata.into_iter().map(|result| MetadataUpdate {
            key: result.key,
            value: result.value,
            error: result.error,
            collected_at: result.collected_at,
        });
        let writes = &self.state.agent_writes;
        writes.metadata(self.owner.agent.id, updates.collect())
    }

    /// See [`AgentApi::script_completed`].
    ///
    /// # Errors
    /// As there.
    pub async fn script_completed(&self, completed: ScriptCompleted) -> Result<(), Error> {
        let timing = ScriptTiming {
            script_id: completed.script_id,
            started_at: completed.start,
            ended_at: completed.end,
            exit_code: completed.exit_code,
            stage: completed.stage,
            status: completed.status,
            last_lines: completed.last_lines,
        };
        self.agents.script_completed(&self.owner, timing).await
    }

    /// See [`AgentApi::report_app_health`].
    ///
    /// # Errors
    /// As there.
    pub async fn report_app_health(&self, report: ReportAppHealth) -> Result<(), Error> {
        let healths: Vec<_> = report
            .healths
            .iter()
            .map(|one| (one.id, one.health))
            .collect();
        self.agents.report_app_health(&self.owner, &healths).await
    }

    /// See [`AgentApi::report_stats`].
    ///
    /// # Errors
    /// As there.
    pub fn report_stats(&self, stats: Stats) -> Result<StatsResponse, Error> {
        let seconds = self
            .state
            .config
            .client
            .agent_stats_refresh_interval
            .num_seconds();
        let stats = self.stats(stats);
        let report = StatsReport::new(&self.owner, stats, seconds);
        self.state.agent_writes.stats(report)?;
        Ok(StatsResponse {
            report_interval: u64::try_from(seconds).unwrap_or_default().max(1),
        })
    }

    /// See [`AgentApi::git_ssh_key`].
    ///
    /// # Errors
    /// As there.
    pub async fn git_ssh_key(&self) -> Result<GitSshKey, Error> {
        let key = self.agents.git_ssh_key(&self.owner).await?;
        Ok(GitSshKey {
            public_key: key.public_key,
            private_key: key.private_key,
        })
    }

    /// See [`AgentApi::external_auth`]. No provider can be configured yet.
    ///
    /// # Errors
    /// As there.
    pub fn external_auth(&self, query: &ExternalAuthQuery) -> Result<ExternalAuthResponse, Error> {
        require_user_data(&self.owner)?;
        if query.matching.is_empty() == query.id.is_empty() {
            return Err(Error::invalid("Name exactly one of match and id."));
        }
        let message = "This deployment has no external provider for this.";
        Err(Error::new(ErrorKind::NotFound, message))
    }

    /// See [`AgentApi::report_connection`].
    ///
    /// # Errors
    /// As there.
    pub async fn report_connection(&self, connection: ReportConnection) -> Result<(), Error> {
        let ended = connection.action == ConnectionAction::Disconnect;
        let reported = ReportedConnection {
            id: connection.id,
            at: connection.timestamp,
            kind: connection.kind,
            ip: connection.ip,
            end: ended.then_some(ConnectionEnd {
                exit_code: connection.exit_code,
                reason: connection.reason,
            }),
        };
        let logs = ConnectionLogs::new(self.state.deps.clone());
        logs.report(&self.owner, &reported).await
    }

    /// See [`AgentApi::resources_monitoring_configuration`].
    ///
    /// # Errors
    /// As there.
    pub async fn resources_monitoring_configuration(
        &self,
    ) -> Result<ResourcesMonitoringConfiguration, Error> {
        let monitors = self.agents.resource_monitors(&self.owner).await?;
        let enabled = monitors.into_iter().filter(|monitor| monitor.enabled);
        let volumes: Vec<_> = enabled.map(|monitor| monitor.volume).collect();
        Ok(ResourcesMonitoringConfiguration {
            collection_interval_seconds: COLLECTION_INTERVAL_SECONDS,
            num_datapoints: DATAPOINTS,
            memory: volumes.contains(&None),
            volumes: volumes.into_iter().flatten().collect(),
        })
    }

    /// See [`AgentApi::push_resources_monitoring_usage`].
    ///
    /// # Errors
    /// As there.
    pub async fn push_resources_monitoring_usage(
        &self,
        usage: ResourcesMonitoringUsage,
    ) -> Result<(), Error> {
        let datapoints: Vec<_> = usage.datapoints.into_iter().map(datapoint).collect();
        let alarms = self
            .agents
            .report_resource_usage(&self.owner, &datapoints)
            .await?;
        let AgentOwner {
            agent, workspace, ..
        } = &*self.owner;
        for alarm in alarms {
            let resource = alarm.volume.as_deref().unwrap_or("memory");
            let threshold = alarm.threshold;
            tracing::warn!(workspace = %workspace.id, agent = %agent.id, resource, threshold, "resource is running out");
        }
        Ok(())
    }

    fn stats(&self, stats: Stats) -> AgentStats {
        let AgentOwner {
            agent, workspace, ..
        } = &*self.owner;
        // The server pings the tunnel, and so knows the round trip.
        let measured = self.state.tunnels.round_trip(agent.id);
        let measured = measured.map(|time| time.as_secs_f64() * 1_000.0);
        let told = Some(stats.connection_median_latency_ms).filter(|&latency| latency >= 0.0);
        AgentStats {
            created_at: self.state.deps.now(),
            agent_id: agent.id,
            workspace_id: workspace.id,
            user_id: workspace.owner_id,
            template_id: workspace.template_id,
            connections_by_proto: stats.connections_by_proto,
            connection_count: stats.connection_count,
            connection_median_latency_ms: told.or(measured),
            rx_packets: stats.rx_packets,
            rx_bytes: stats.rx_bytes,
            tx_packets: stats.tx_packets,
            tx_bytes: stats.tx_bytes,
            sessions: SessionCounts {
                vscode: stats.session_count_vscode,
                jetbrains: stats.session_count_jetbrains,
                reconnecting_pty: stats.session_count_reconnecting_pty,
                ssh: stats.session_count_ssh,
            },
        }
    }
}

#[async_trait]
impl AgentApi for AgentCalls {
    async fn manifest(&self) -> coder_agent::Result<Manifest> {
        Self::manifest(self).await.map_err(to_agent)
    }

    async fn report_startup(&self, startup: Startup) -> coder_agent::Result<()> {
        Self::report_startup(self, startup).await.map_err(to_agent)
    }

    async fn report_lifecycle(&self, report: LifecycleReport) -> coder_agent::Result<()> {
        Self::report_lifecycle(self, report).await.map_err(to_agent)
    }

    async fn patch_logs(&self, logs: PatchLogs) -> coder_agent::Result<()> {
        Self::patch_logs(self, logs).await.map_err(to_agent)
    }

    async fn post_log_source(
        &self,
        source: PostLogSourceRequest,
    ) -> coder_agent::Result<LogSource> {
        Self::post_log_source(self, source).await.map_err(to_agent)
    }

    async fn report_metadata(&self, report: ReportMetadata) -> coder_agent::Result<()> {
        Self::report_metadata(self, report).map_err(to_agent)
    }

    async fn script_completed(&self, completed: ScriptCompleted) -> coder_agent::Result<()> {
        Self::script_completed(self, completed)
            .await
            .map_err(to_agent)
    }

    async fn report_app_health(&self, report: ReportAppHealth) -> coder_agent::Result<()> {
        Self::report_app_health(self, report)
            .await
            .map_err(to_agent)
    }

    async fn report_stats(&self, stats: Stats) -> coder_agent::Result<StatsResponse> {
        Self::report_stats(self, stats).map_err(to_agent)
    }

    async fn report_connection(&self, connection: ReportConnection) -> coder_agent::Result<()> {
        let reported = Self::report_connection(self, connection).await;
        reported.map_err(to_agent)
    }

    async fn resources_monitoring_configuration(
        &self,
    ) -> coder_agent::Result<ResourcesMonitoringConfiguration> {
        let configuration = Self::resources_monitoring_configuration(self).await;
        configuration.map_err(to_agent)
    }

    async fn push_resources_monitoring_usage(
        &self,
        usage: ResourcesMonitoringUsage,
    ) -> coder_agent::Result<()> {
        let pushed = Self::push_resources_monitoring_usage(self, usage).await;
        pushed.map_err(to_agent)
    }

    async fn git_ssh_key(&self) -> coder_agent::Result<GitSshKey> {
        Self::git_ssh_key(self).await.map_err(to_agent)
    }

    async fn external_auth(
        &self,
        query: ExternalAuthQuery,
    ) -> coder_agent::Result<ExternalAuthResponse> {
        Self::external_auth(self, &query).map_err(to_agent)
    }

    async fn create_sub_agent(
        &self,
        new: CreateSubAgentRequest,
    ) -> coder_agent::Result<CreateSubAgentResponse> {
        Self::create_sub_agent(self, new).await.map_err(to_agent)
    }

    async fn list_sub_agents(&self) -> coder_agent::Result<ListSubAgentsResponse> {
        Self::list_sub_agents(self).await.map_err(to_agent)
    }

    async fn delete_sub_agent(&self, id: WorkspaceAgentId) -> coder_agent::Result<()> {
        Self::delete_sub_agent(self, id).await.map_err(to_agent)
    }
}

/// The error as agents understand it.
fn to_agent(error: Error) -> coder_agent::Error {
    use coder_agent::ErrorKind as Kind;
    let kind = match error.kind() {
        ErrorKind::Unauthenticated => Kind::Unauthenticated,
        ErrorKind::Forbidden => Kind::Forbidden,
        ErrorKind::NotFound => Kind::NotFound,
        ErrorKind::InvalidInput => Kind::InvalidInput,
        ErrorKind::Conflict | ErrorKind::PreconditionFailed | ErrorKind::NotReady => Kind::Conflict,
        ErrorKind::TooLarge => Kind::TooLarge,
        ErrorKind::Unavailable => Kind::Unavailable,
        _ => return coder_agent::Error::new(Kind::Unavailable, "the server failed"),
    };
    coder_agent::Error::new(kind, error.message())
}

fn datapoint(datapoint: ResourcesDatapoint) -> UsageDatapoint {
    let memory = datapoint.memory.map(|memory| ResourceUsage {
        used: memory.used,
        total: memory.total,
    });
    let volumes = datapoint.volumes.into_iter().map(|volume| {
        let usage = ResourceUsage {
            used: volume.used,
            total: volume.total,
        };
        (volume.volume, usage)
    });
    UsageDatapoint {
        memory,
        volumes: volumes.collect(),
    }
}

fn script(script: WorkspaceAgentScript) -> Script {
    Script {
        id: script.id,
        log_source_id: script.log_source_id,
        log_path: script.log_path,
        script: script.script,
        cron: script.cron,
        run_on_start: script.run_on_start,
        run_on_stop: script.run_on_stop,
        start_blocks_login: script.start_blocks_login,
        timeout: u64::try_from(script.timeout_seconds).unwrap_or_default(),
        display_name: script.display_name,
    }
}

fn app(app: WorkspaceApp) -> App {
    App {
        id: app.id,
        url: app.url,
        external: app.external,
        slug: app.slug,
        display_name: app.display_name,
        command: app.command,
        icon: app.icon,
        subdomain: app.subdomain,
        subdomain_name: String::new(),
        sharing_level: app.sharing_level,
        healthcheck: Healthcheck {
            url: app.healthcheck_url,
            interval: u64::try_from(app.healthcheck_interval).unwrap_or_default(),
            threshold: u32::try_from(app.healthcheck_threshold).unwrap_or_default(),
        },
        health: app.health,
        hidden: app.hidden,
    }
}

fn metadatum(metadatum: AgentMetadatum) -> MetadataDescription {
    MetadataDescription {
        display_name: metadatum.display_name,
        key: metadatum.key,
        script: metadatum.script,
        interval: u64::try_from(metadatum.interval).unwrap_or_default(),
        timeout: u64::try_from(metadatum.timeout).unwrap_or_default(),
    }
}

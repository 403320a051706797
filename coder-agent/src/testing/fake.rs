use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use coder_core::id::{LogSourceId, WorkspaceAgentId};
use coder_core::secret::Secret;

use crate::protocol::{
    CreateSubAgentRequest, CreateSubAgentResponse, ExternalAuthQuery, ExternalAuthResponse,
    GitSshKey, LifecycleReport, LifecycleState, ListSubAgentsResponse, Log, LogSource,
    MAX_AGENT_LOG_BYTES, Manifest, PatchLogs, PostLogSourceRequest, ReportAppHealth,
    ReportConnection, ReportMetadata, ResourcesMonitoringConfiguration, ResourcesMonitoringUsage,
    ScriptCompleted, Startup, Stats, StatsResponse, SubAgent,
};
use crate::{AgentApi, Error, ErrorKind, Result};

/// A fake server for one agent, in memory: remembers everything it was told.
#[derive(Debug)]
pub struct FakeAgentApi {
    manifest: Mutex<Manifest>,
    recorded: Mutex<Recorded>,
    resources: Mutex<ResourcesMonitoringConfiguration>,
    failure: Mutex<Option<ErrorKind>>,
    git_ssh_key: Mutex<GitSshKey>,
    external_auth: Mutex<BTreeMap<String, ExternalAuthResponse>>,
    sub_agents: Mutex<BTreeMap<WorkspaceAgentId, CreateSubAgentRequest>>,
}

/// Everything a [`FakeAgentApi`] was told.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// How often the manifest was asked for.
    pub manifests: usize,
    /// In order.
    pub startups: Vec<Startup>,
    /// Those that moved forward, in order; anew with each run that a startup names.
    pub lifecycle: Vec<LifecycleReport>,
    /// How many of them are of earlier runs.
    pub states_before_run: usize,
    /// All lines, in order.
    pub logs: Vec<(LogSourceId, Log)>,
    /// By id.
    pub log_sources: BTreeMap<LogSourceId, LogSource>,
    /// All reports, in order.
    pub metadata: Vec<ReportMetadata>,
    /// In order.
    pub scripts: Vec<ScriptCompleted>,
    /// In order.
    pub app_health: Vec<ReportAppHealth>,
    /// In order.
    pub stats: Vec<Stats>,
    /// In order.
    pub connections: Vec<ReportConnection>,
    /// In order.
    pub resources: Vec<ResourcesMonitoringUsage>,
}

impl FakeAgentApi {
    /// A server that gives out `manifest`.
    #[must_use]
    pub fn new(manifest: Manifest) -> Self {
        Self {
            manifest: Mutex::new(manifest),
            recorded: Mutex::default(),
            resources: Mutex::new(ResourcesMonitoringConfiguration {
                collection_interval_seconds: 10,
                num_datapoints: 20,
                ..ResourcesMonitoringConfiguration::default()
            }),
            failure: Mutex::default(),
            git_ssh_key: Mutex::new(GitSshKey {
                public_key: "ssh-ed25519 AAAA\n".to_owned(),
                private_key: Secret::new("none"),
            }),
            external_auth: Mutex::default(),
            sub_agents: Mutex::default(),
        }
    }

    /// The agents inside of this one, as they were asked for.
    #[must_use]
    pub fn sub_agents(&self) -> BTreeMap<WorkspaceAgentId, CreateSubAgentRequest> {
        lock(&self.sub_agents).clone()
    }

    /// Gives out this key pair from now on.
    pub fn set_git_ssh_key(&self, key: GitSshKey) {
        *lock(&self.git_ssh_key) = key;
    }

    /// Answers questions about `host` like this from now on. Who listens is answered when that is no URL.
    pub fn set_external_auth(&self, host: &str, answer: ExternalAuthResponse) {
        lock(&self.external_auth).insert(host.to_owned(), answer);
    }

    /// Makes every call fail with `kind`, or succeed again.
    pub fn fail_with(&self, kind: Option<ErrorKind>) {
        *lock(&self.failure) = kind;
    }

    /// Gives out another manifest from now on.
    pub fn set_manifest(&self, manifest: Manifest) {
        *lock(&self.manifest) = manifest;
    }

    /// Wants these resources to be measured, by agents that ask from now on.
    pub fn set_resources(&self, resources: ResourcesMonitoringConfiguration) {
        *lock(&self.resources) = resources;
    }

    /// What was told so far.
    #[must_use]
    pub fn recorded(&self) -> Recorded {
        lock(&self.recorded).clone()
    }

    /// The states told so far.
    #[must_use]
    pub fn states(&self) -> Vec<LifecycleState> {
        lock(&self.recorded)
            .lifecycle
            .iter()
            .map(|report| report.state)
            .collect()
    }

    /// The text of the lines told so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        lock(&self.recorded)
            .logs
            .iter()
            .map(|(_, log)| log.output.clone())
            .collect()
    }

    fn record(&self) -> Result<MutexGuard<'_, Recorded>> {
        match *lock(&self.failure) {
            Some(kind) => Err(Error::new(kind, "failing as told")),
            None => Ok(lock(&self.recorded)),
        }
    }
}

#[async_trait]
impl AgentApi for FakeAgentApi {
    async fn manifest(&self) -> Result<Manifest> {
        self.record()?.manifests += 1;
        Ok(lock(&self.manifest).clone())
    }

    async fn report_startup(&self, startup: Startup) -> Result<()> {
        let mut recorded = self.record()?;
        let known = recorded.startups.last().and_then(|last| last.run_id);
        if known.is_some() && startup.run_id.is_some() && known != startup.run_id {
            recorded.states_before_run = recorded.lifecycle.len();
        }
        recorded.startups.push(startup);
        Ok(())
    }

    async fn report_lifecycle(&self, report: LifecycleReport) -> Result<()> {
        let mut recorded = self.record()?;
        let of_run = recorded.lifecycle.iter().skip(recorded.states_before_run);
        let last = of_run.last();
        let last = last.map_or(LifecycleState::Created, |last| last.state);
        if report.state.may_follow(last) {
            recorded.lifecycle.push(report);
        }
        Ok(())
    }

    async fn patch_logs(&self, logs: PatchLogs) -> Result<()> {
        let mut recorded = self.record()?;
        if logs.logs.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "no lines"));
        }
        let held: usize = recorded.logs.iter().map(|(_, log)| log.output.len()).sum();
        let more: usize = logs.logs.iter().map(|log| log.output.len()).sum();
        if held + more > MAX_AGENT_LOG_BYTES {
            return Err(Error::new(ErrorKind::TooLarge, "log is full"));
        }
        let source = logs.log_source_id;
        recorded
            .logs
            .extend(logs.logs.into_iter().map(|log| (source, log)));
        Ok(())
    }

    async fn post_log_source(&self, source: PostLogSourceRequest) -> Result<LogSource> {
        let workspace_agent_id = lock(&self.manifest).agent_id;
        let mut recorded = self.record()?;
        let known = recorded
            .log_sources
            .entry(source.id)
            .or_insert_with(|| LogSource {
                workspace_agent_id,
                id: source.id,
                created_at: coder_core::Timestamp::default(),
                display_name: source.display_name,
                icon: source.icon,
            });
        Ok(known.clone())
    }

    async fn report_metadata(&self, report: ReportMetadata) -> Result<()> {
        self.record()?.metadata.push(report);
        Ok(())
    }

    async fn script_completed(&self, completed: ScriptCompleted) -> Result<()> {
        let known = lock(&self.manifest)
            .scripts
            .iter()
            .any(|own| own.id == completed.script_id);
        let mut recorded = self.record()?;
        if !known {
            return Err(Error::new(ErrorKind::NotFound, "no such script"));
        }
        // The same run may be told twice.
        let again = |known: &ScriptCompleted| {
            (known.script_id, known.start) == (completed.script_id, completed.start)
        };
        if !recorded.scripts.iter().any(again) {
            recorded.scripts.push(completed);
        }
        Ok(())
    }

    async fn report_app_health(&self, report: ReportAppHealth) -> Result<()> {
        let manifest = lock(&self.manifest);
        let known = |update: &crate::protocol::AppHealthUpdate| {
            manifest.apps.iter().any(|app| app.id == update.id)
        };
        let all_known = report.healths.iter().all(known);
        let mut recorded = self.record()?;
        if !all_known {
            return Err(Error::new(ErrorKind::NotFound, "no such app"));
        }
        recorded.app_health.push(report);
        Ok(())
    }

    async fn report_stats(&self, stats: Stats) -> Result<StatsResponse> {
        self.record()?.stats.push(stats);
        Ok(StatsResponse { report_interval: 1 })
    }

    async fn report_connection(&self, connection: ReportConnection) -> Result<()> {
        self.record()?.connections.push(connection);
        Ok(())
    }

    async fn resources_monitoring_configuration(&self) -> Result<ResourcesMonitoringConfiguration> {
        let _recorded = self.record()?;
        Ok(lock(&self.resources).clone())
    }

    async fn push_resources_monitoring_usage(&self, usage: ResourcesMonitoringUsage) -> Result<()> {
        let most = lock(&self.resources).num_datapoints;
        let mut recorded = self.record()?;
        if usage.datapoints.len() > most {
            return Err(Error::new(ErrorKind::InvalidInput, "too many datapoints"));
        }
        recorded.resources.push(usage);
        Ok(())
    }

    async fn git_ssh_key(&self) -> Result<GitSshKey> {
        drop(self.record()?);
        Ok(lock(&self.git_ssh_key).clone())
    }

    async fn external_auth(&self, query: ExternalAuthQuery) -> Result<ExternalAuthResponse> {
        drop(self.record()?);
        let asked = if query.id.is_empty() {
            &query.matching
        } else {
            &query.id
        };
        if asked.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "no provider is named"));
        }
        let answer = lock(&self.external_auth).get(asked).cloned();
        let answer = answer.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such provider"))?;
        if query.listen && !answer.url.is_empty() {
            return Err(Error::new(ErrorKind::TimedOut, "nobody has signed in yet"));
        }
        Ok(answer)
    }

    async fn create_sub_agent(&self, new: CreateSubAgentRequest) -> Result<CreateSubAgentResponse> {
        drop(self.record()?);
        if !coder_core::name::is_agent_name(&new.name) {
            return Err(Error::new(ErrorKind::InvalidInput, "that is no name"));
        }
        let foreseen = lock(&self.manifest).devcontainers.clone();
        let foreseen = |id| foreseen.iter().any(|one| one.subagent_id == Some(id));
        let mut present = lock(&self.sub_agents);
        let id = match new.id {
            Some(id) if foreseen(id) => id,
            Some(_) => return Err(Error::new(ErrorKind::NotFound, "no such agent")),
            None => WorkspaceAgentId(uuid::Uuid::from_u128(0x5AB0 + present.len() as u128)),
        };
        let named = |(other, one): (&WorkspaceAgentId, &CreateSubAgentRequest)| {
            *other != id && one.name == new.name
        };
        if present.iter().any(named) {
            return Err(Error::new(ErrorKind::Conflict, "the name is taken"));
        }
        let agent = SubAgent {
            id,
            name: new.name.clone(),
        };
        present.insert(id, new);
        Ok(CreateSubAgentResponse {
            agent,
            auth_token: Secret::new(uuid::Uuid::from_u128(0x70CE).to_string()),
        })
    }

    async fn list_sub_agents(&self) -> Result<ListSubAgentsResponse> {
        drop(self.record()?);
        let present = lock(&self.sub_agents);
        let agents = present.iter().map(|(id, one)| SubAgent {
            id: *id,
            name: one.name.clone(),
        });
        let mut agents: Vec<_> = agents.collect();
        agents.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(ListSubAgentsResponse { agents })
    }

    async fn delete_sub_agent(&self, id: WorkspaceAgentId) -> Result<()> {
        drop(self.record()?);
        let removed = lock(&self.sub_agents).remove(&id);
        let gone = || Error::new(ErrorKind::NotFound, "no such agent");
        removed.map(drop).ok_or_else(gone)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

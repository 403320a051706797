//! What goes on in the workspace from the first manifest on, connected or not.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coder_core::Timestamp;
use coder_core::id::{AgentRunId, LogSourceId};
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::Connections;
use super::lifecycle::{Lifecycle, after_start, after_stop};
use super::outbox::{Outbox, Report};
use super::services::Services;
use super::{AgentOptions, app_health, metadata, resources, sender, stats};
use crate::AgentApi;
use crate::devcontainers::{Devcontainers, DevcontainersOptions, Place};
use crate::protocol::{
    API_VERSION, LifecycleReport, LifecycleState, Log, Manifest, PostLogSourceRequest, ScriptStage,
    ScriptStatus, Startup,
};
use crate::script::{Journal, LogQueue, ScriptContext, ScriptRunner, Zone, create_bin_dir, life};
use crate::ssh::command::absolute_directory;
use crate::ssh::{
    Environment, HostKey, SshOptions, SshServer, User, WorkspaceEnvironment, WorkspaceSettings,
};

/// How long SSH sessions and terminals may take to end at shutdown.
const SESSIONS_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the last reports and lines may take at shutdown.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a state waits for the lines that belong before it, so that who follows the log until
/// the agent is ready sees all of it.
const LOGS_FIRST_TIMEOUT: Duration = Duration::from_secs(2);

/// The running workspace.
pub(super) struct Workspace {
    api: Arc<dyn AgentApi>,
    options: AgentOptions,
    user: User,
    data_dir: PathBuf,
    services: Arc<Services>,
    manifest: watch::Sender<Arc<Manifest>>,
    lifecycle: Mutex<Lifecycle>,
    journal: Journal,
    outbox: Outbox,
    logs: LogQueue,
    devcontainers: Devcontainers,
    tasks: TaskTracker,
    /// Cancelled when the agent begins to end: no start script goes on.
    ending: CancellationToken,
    /// Ends everything else.
    stop: CancellationToken,
}

impl Workspace {
    /// Prepares what the first manifest asks for; nothing runs before [`begin`](Self::begin).
    pub(super) async fn new(
        api: Arc<dyn AgentApi>,
        options: AgentOptions,
        mut manifest: Manifest,
    ) -> Arc<Self> {
        let user = User::current(&options.process_environment).await;
        let data_dir = ScriptContext::data_dir(&options.script_data_dir, manifest.agent_id);
        if let Err(error) = create_bin_dir(&data_dir, options.executable.as_deref()) {
            tracing::warn!(%error, "folder of scripts cannot be made");
        }
        let now = options.clock.now();
        let run_id = AgentRunId::generate(&*options.entropy);
        let journal = Journal::open(&data_dir, manifest.agent_id, life::current(), run_id, now);
        let (clock, entropy) = (Arc::clone(&options.clock), Arc::clone(&options.entropy));
        let connections = Connections::new(clock, entropy);
        let logs = LogQueue::after(std::mem::take(&mut manifest.logs_length));
        let ssh = SshServer::new(SshOptions {
            host_key: host_key(&manifest),
            user: user.clone(),
            process_environment: options.process_environment.clone(),
            max_timeout: options.ssh_max_timeout,
            blocked: options.ssh_blocked,
        });
        let devcontainers = devcontainers(&options, &api, &logs);
        let own_ports = options.own_ports.clone();
        let services = Services::new(ssh, connections, own_ports, devcontainers.clone());
        let workspace = Self {
            api,
            options,
            user,
            data_dir,
            services: Arc::new(services),
            manifest: watch::Sender::new(Arc::new(manifest)),
            lifecycle: Mutex::new(Lifecycle::new()),
            journal,
            outbox: Outbox::default(),
            logs,
            devcontainers,
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            stop: CancellationToken::new(),
        };
        workspace.apply_settings();
        Arc::new(workspace)
    }

    pub(super) const fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Takes a later manifest. Start scripts are not run again.
    pub(super) fn update(&self, mut manifest: Manifest) {
        self.manifest.send_if_modified(|current| {
            forget_what_we_told(&mut manifest, current);
            let changed = **current != manifest;
            if changed {
                *current = Arc::new(manifest);
            }
            changed
        });
        // Also when only the token changed.
        self.apply_settings();
    }

    /// What to tell the server about this manifest.
    pub(super) fn startup(&self) -> Startup {
        let manifest = self.manifest();
        let expanded_directory = if manifest.directory.is_empty() {
            String::new()
        } else {
            let environment = self.environment(&manifest);
            let path = absolute_directory(&manifest.directory, &self.user, &environment);
            path.to_string_lossy().into_owned()
        };
        Startup {
            version: self.options.version.clone(),
            api_version: API_VERSION.to_owned(),
            expanded_directory,
            subsystems: self.options.subsystems.clone(),
            run_id: Some(self.journal.run_id()),
        }
    }

    /// Starts everything. To be called once.
    pub(super) fn begin(self: &Arc<Self>) {
        self.journal.begin();
        self.advance_at(LifecycleState::Starting, self.journal.started_at());
        let (api, entropy) = (&self.api, &self.options.entropy);
        self.background(sender::send_reports(
            Arc::clone(api),
            self.outbox.clone(),
            Arc::clone(entropy),
            self.ending.clone(),
        ));
        self.background(sender::send_reports(
            Arc::clone(api),
            self.services.connections.reports().clone(),
            Arc::clone(entropy),
            self.ending.clone(),
        ));
        self.background(sender::send_logs(
            Arc::clone(api),
            self.logs.clone(),
            Arc::clone(entropy),
            self.ending.clone(),
        ));
        let workspace = Arc::clone(self);
        self.background(async move { workspace.keep_watching().await });
        let workspace = Arc::clone(self);
        self.background(async move {
            stats::report(&*workspace.api, &workspace.services).await;
        });
        let devcontainers = self.devcontainers.clone();
        self.background(async move { devcontainers.run().await });
        let workspace = Arc::clone(self);
        self.background(async move {
            resources::watch(&*workspace.api, &*workspace.options.clock).await;
        });
        let workspace = Arc::clone(self);
        self.tasks
            .spawn(async move { workspace.run_scripts_until_the_end().await });
    }

    /// Ends sessions, runs the stop scripts, says the last words.
    pub(super) async fn shut_down(&self) {
        self.ending.cancel();
        self.journal.forget();
        self.advance(LifecycleState::ShuttingDown);
        if timeout(SESSIONS_CLOSE_TIMEOUT, self.services.close())
            .await
            .is_err()
        {
            tracing::warn!("sessions and terminals did not end in time");
        }
        self.devcontainers.close().await;
        let manifest = self.manifest();
        let scripts = manifest.scripts.iter().filter(|script| script.run_on_stop);
        // Nothing ends stop scripts early but a second signal, which ends the process.
        let never = CancellationToken::new();
        let report = |completed| self.outbox.push(Report::Script(completed));
        let results = self
            .runner()
            .run_all(scripts, ScriptStage::Stop, &never, report)
            .await;
        self.advance(after_stop(&results));
        self.logs.send_tail();
        let last_words = timeout(LAST_WORDS_TIMEOUT, async {
            let connections = self.services.connections.reports();
            tokio::join!(
                self.outbox.flushed(),
                self.logs.flushed(),
                connections.flushed()
            );
        });
        if last_words.await.is_err() {
            tracing::warn!("server did not take the last reports in time");
        }
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Start scripts, and when these are through those with a schedule.
    async fn run_scripts_until_the_end(&self) {
        self.run_start_scripts().await;
        if self.ending.is_cancelled() {
            return;
        }
        let manifest = self.manifest();
        let runner = self.runner();
        let zone = self.options.process_environment.get(OsStr::new("TZ"));
        let zone = Zone::local(zone.and_then(|zone| zone.to_str()));
        let report = |completed| self.outbox.push(Report::Script(completed));
        let scheduled = manifest
            .scripts
            .iter()
            .filter(|script| !script.cron.is_empty());
        join_all(
            scheduled.map(|script| runner.run_by_schedule(script, &zone, &self.ending, report)),
        )
        .await;
    }

    async fn run_start_scripts(&self) {
        let manifest = self.manifest();
        let scripts = manifest.scripts.iter().filter(|script| script.run_on_start);
        let report = |completed| self.outbox.push(Report::Script(completed));
        let runner = self.runner();
        let mut results = runner
            .run_start_scripts(scripts, &self.journal, &self.ending, report)
            .await;
        if self.ending.is_cancelled() {
            return;
        }
        if !self.devcontainers.start(&manifest.devcontainers).await {
            results.push(ScriptStatus::ExitFailure);
        }
        if self.ending.is_cancelled() {
            return;
        }
        self.logs.send_tail();
        // However late the lines are, the state is told.
        let _ = timeout(LOGS_FIRST_TIMEOUT, self.logs.flushed()).await;
        let now = self.options.clock.now();
        let report = self.journal.ended().unwrap_or(LifecycleReport {
            state: after_start(&results),
            changed_at: now,
        });
        self.advance_at(report.state, report.changed_at);
        if !self.ending.is_cancelled() {
            self.journal.phase_ended(report);
        }
    }

    fn runner(&self) -> ScriptRunner {
        let context = Arc::new(self.context(&self.manifest()));
        ScriptRunner::new(context, self.logs.clone(), Arc::clone(&self.options.clock))
    }

    /// Metadata and health of apps, begun anew when the manifest changes.
    async fn keep_watching(&self) {
        let mut manifests = self.manifest.subscribe();
        loop {
            let manifest = Arc::clone(&manifests.borrow_and_update());
            let context = self.context(&manifest);
            let watch = async {
                let (api, clock) = (&*self.api, &*self.options.clock);
                let (_, watched) = tokio::join!(
                    metadata::collect(api, &context, clock, &manifest.metadata),
                    app_health::watch(api, &manifest.apps),
                );
                if let Err(error) = watched {
                    tracing::warn!(%error, "apps are not checked");
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = watch => {}
                changed = manifests.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Runs `work` until the agent has shut down.
    fn background(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    }

    fn advance(&self, state: LifecycleState) {
        self.advance_at(state, self.options.clock.now());
    }

    fn advance_at(&self, state: LifecycleState, changed_at: Timestamp) {
        let mut lifecycle = self
            .lifecycle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if lifecycle.advance(state) {
            tracing::info!(%state, "lifecycle");
            // Within the lock, so that the order of states is that of reports.
            self.outbox
                .push(Report::Lifecycle(LifecycleReport { state, changed_at }));
        }
    }

    fn manifest(&self) -> Arc<Manifest> {
        Arc::clone(&self.manifest.borrow())
    }

    fn apply_settings(&self) {
        let manifest = self.manifest();
        self.services.ssh().update(WorkspaceSettings {
            environment: self.workspace_environment(&manifest),
            directory: manifest.directory.clone(),
            motd_file: (!manifest.motd_path.is_empty()).then(|| (&manifest.motd_path).into()),
            announcement_banners: Vec::new(),
        });
        let environment = self.environment(&manifest);
        let directory = absolute_directory(&manifest.directory, &self.user, &environment);
        let place = Place {
            environment,
            directory,
        };
        self.devcontainers
            .update(place, &self.user, &manifest.devcontainers);
    }

    fn context(&self, manifest: &Manifest) -> ScriptContext {
        ScriptContext {
            user: self.user.clone(),
            environment: self.environment(manifest),
            directory: manifest.directory.clone(),
            log_dir: self.options.log_dir.clone(),
            data_dir: self.data_dir.clone(),
        }
    }

    fn environment(&self, manifest: &Manifest) -> Environment {
        let process = &self.options.process_environment;
        let workspace = self.workspace_environment(manifest);
        workspace.resolve(process, &self.user, &Environment::new())
    }

    fn workspace_environment(&self, manifest: &Manifest) -> WorkspaceEnvironment {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let executable = self.options.executable.as_deref();
        WorkspaceEnvironment {
            workspace_name: manifest.workspace_name.clone(),
            agent_name: manifest.agent_name.clone(),
            owner_name: manifest.owner_username.clone(),
            workspace_id: manifest.workspace_id.0,
            agent_token: some(self.options.token.get().expose()),
            git_helper: executable.map(Into::into),
            vscode_proxy_uri: some(&manifest.vs_code_port_proxy_uri),
            environment_variables: manifest.environment_variables.clone(),
            path_prefix: Some(ScriptContext::bin_dir(&self.data_dir)),
            path_suffix: executable.and_then(|path| path.parent()).map(Into::into),
            ..WorkspaceEnvironment::default()
        }
    }
}

/// The dev containers of a workspace, whose lines go into its log under a source of their own.
fn devcontainers(
    options: &AgentOptions,
    api: &Arc<dyn AgentApi>,
    logs: &LogQueue,
) -> Devcontainers {
    let source = PostLogSourceRequest {
        id: LogSourceId::generate(&*options.entropy),
        display_name: "Dev Containers".to_owned(),
        icon: "/emojis/1f4e6.png".to_owned(),
    };
    let (logs, clock, id) = (logs.clone(), Arc::clone(&options.clock), source.id);
    let log = move |level, line: &str| {
        let line = Log {
            created_at: clock.now(),
            output: line.to_owned(),
            level,
        };
        logs.push(id, line);
    };
    let options = DevcontainersOptions {
        enable: options.devcontainers,
        discovery: options.devcontainer_discovery,
        autostart: options.devcontainer_autostart,
        executable: options.executable.clone(),
        url: options.url.clone(),
        entropy: Arc::clone(&options.entropy),
    };
    Devcontainers::new(options, Arc::clone(api), source, Arc::new(log))
}

/// Makes what a later manifest says of this very agent the same as before: it is no reason to begin anything anew.
fn forget_what_we_told(manifest: &mut Manifest, before: &Manifest) {
    manifest.logs_length = before.logs_length;
    for app in &mut manifest.apps {
        let known = before.apps.iter().find(|known| known.id == app.id);
        app.health = known.map_or(app.health, |known| known.health);
    }
}

/// The server's choice; else a key that is at least the same after a restart.
fn host_key(manifest: &Manifest) -> HostKey {
    let seed = manifest.ssh_host_key_seed.as_ref();
    let given = seed.and_then(|seed| HostKey::from_hex(seed.expose()));
    if seed.is_some() && given.is_none() {
        tracing::warn!("the seed of the SSH host key makes no sense; clients will refuse the key");
    }
    given.unwrap_or_else(|| {
        HostKey::derive(
            manifest.workspace_id.0.as_bytes(),
            &manifest.owner_username,
            &manifest.workspace_name,
            &manifest.agent_name,
        )
    })
}

//! The loop over containers, and what users ask for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coder_core::Timestamp;
use coder_core::clock::Entropy;
use coder_core::id::DevcontainerId;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cli::{DevcontainerCli, Project};
use super::discovery;
use super::engine::Engine;
use super::known::{Known, NewEntry};
use super::sub_agents::AgentTask;
use crate::AgentApi;
use crate::protocol::{
    Devcontainer, DevcontainerStatus, ListContainersResponse, LogLevel, PostLogSourceRequest,
    WorkspaceAgentDevcontainer,
};
use crate::ssh::command::absolute_directory;
use crate::ssh::{Environment, User};

/// How often the engine is asked.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);
/// How long the agents inside may take to be ended.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Takes lines for the workspace's log.
pub type Log = Arc<dyn Fn(LogLevel, &str) + Send + Sync>;

/// What dev containers need of the agent.
#[derive(Clone)]
pub struct DevcontainersOptions {
    /// Whether there is anything of this at all (`--devcontainers-enable`).
    pub enable: bool,
    /// Look for projects in the folder where sessions begin (`--devcontainers-project-discovery-enable`).
    pub discovery: bool,
    /// Start what was found so (`--devcontainers-discovery-autostart-enable`).
    pub autostart: bool,
    /// The running binary, to be copied into containers.
    pub executable: Option<PathBuf>,
    /// Where agents inside find the server.
    pub url: String,
    /// Gives ids to dev containers that only the engine knows.
    pub entropy: Arc<dyn Entropy>,
}

/// Why something that a user asked for is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no dev container with this id.
    #[error("There is no such dev container.")]
    NotFound,
    /// Something else is being done with it.
    #[error("Something is being done with this dev container already: wait until that has ended.")]
    Busy,
    /// The command line of dev containers is missing.
    #[error("The workspace has no devcontainer command: install @devcontainers/cli with npm.")]
    NoCli,
    /// There is no engine.
    #[error("The workspace has neither docker nor podman.")]
    NoEngine,
}

/// The dev containers of a workspace; clones are the same.
#[derive(Clone)]
pub struct Devcontainers {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) options: DevcontainersOptions,
    pub(super) api: Arc<dyn AgentApi>,
    /// Where the lines of `log` come from.
    source: PostLogSourceRequest,
    log: Log,
    /// What programs get, and where sessions begin; set again with each manifest.
    place: Mutex<Place>,
    pub(super) known: Mutex<Known>,
    listing: watch::Sender<Arc<ListContainersResponse>>,
    pub(super) inside: Mutex<BTreeMap<String, AgentTask>>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

/// Where programs run.
#[derive(Clone, Default)]
pub struct Place {
    /// Their variables, `PATH` with the programs among them.
    pub environment: Environment,
    /// Where sessions begin, and projects are looked for.
    pub directory: PathBuf,
}

impl fmt::Debug for Place {
    /// Leaves out the environment, whose values may be secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Place")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl Devcontainers {
    /// Lines go to `log`, which keeps them under `source`. Nothing runs before [`run`](Self::run).
    pub fn new(
        options: DevcontainersOptions,
        api: Arc<dyn AgentApi>,
        source: PostLogSourceRequest,
        log: Log,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                options,
                api,
                source,
                log,
                place: Mutex::default(),
                known: Mutex::default(),
                listing: watch::Sender::default(),
                inside: Mutex::default(),
                tasks: TaskTracker::new(),
                stop: CancellationToken::new(),
            }),
        }
    }

    /// Takes what a manifest says.
    pub fn update(&self, place: Place, user: &User, devcontainers: &[Devcontainer]) {
        let path = |text: &str| {
            let path = absolute_directory(text, user, &place.environment);
            path.to_string_lossy().into_owned()
        };
        let mut known = lock(&self.shared.known);
        for one in devcontainers {
            let config = &one.config_path;
            known.add(NewEntry {
                id: one.id,
                name: one.name.clone(),
                workspace_folder: path(&one.workspace_folder),
                config_path: if config.is_empty() {
                    String::new()
                } else {
                    path(config)
                },
                subagent_id: one.subagent_id,
            });
        }
        drop(known);
        *lock(&self.shared.place) = place;
    }

    /// Looks at containers again and again, until [`close`](Self::close).
    pub async fn run(&self) {
        if !self.shared.options.enable {
            return;
        }
        self.forget_agents().await;
        loop {
            self.look().await;
            self.care();
            tokio::select! {
                () = sleep(INTERVAL) => {}
                () = self.shared.stop.cancelled() => return,
            }
        }
    }

    /// Starts what the template names, and with `autostart` what was found. Answers whether all of the
    /// template's run.
    pub async fn start(&self, devcontainers: &[Devcontainer]) -> bool {
        let shared = &self.shared;
        if !shared.options.enable {
            return true;
        }
        let found = self.discover();
        let starts = !devcontainers.is_empty() || (shared.options.autostart && !found.is_empty());
        if starts && let Err(error) = shared.api.post_log_source(shared.source.clone()).await {
            tracing::warn!(%error, "log source of dev containers cannot be named");
        }
        let mut all = true;
        for one in devcontainers {
            all &= self.start_one(one.id).await;
        }
        if shared.options.autostart {
            for id in found {
                self.start_one(id).await;
            }
        }
        all
    }

    async fn start_one(&self, id: DevcontainerId) -> bool {
        match self.begin(id, DevcontainerStatus::Starting) {
            Ok(()) => self.up(id, false).await,
            Err(refusal) => {
                (self.shared.log)(LogLevel::Error, &refusal.to_string());
                false
            }
        }
    }

    /// All that is known.
    #[must_use]
    pub fn list(&self) -> ListContainersResponse {
        lock(&self.shared.known).list()
    }

    /// All that is known, whenever it changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<ListContainersResponse>> {
        self.shared.listing.subscribe()
    }

    /// Makes a container anew, in the background.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn recreate(&self, id: DevcontainerId) -> Result<(), Refusal> {
        self.begin(id, DevcontainerStatus::Starting)?;
        let own = self.clone();
        self.shared
            .tasks
            .spawn(async move { own.up(id, true).await });
        Ok(())
    }

    /// Ends a container and removes it.
    ///
    /// # Errors
    /// See [`Refusal`]; a failure of the engine is shown with the dev container.
    pub async fn delete(&self, id: DevcontainerId) -> Result<(), Refusal> {
        let engine = self.engine().ok_or(Refusal::NoEngine)?;
        if lock(&self.shared.known)
            .begin(id, DevcontainerStatus::Deleting)
            .ok_or(Refusal::NotFound)?
        {
            self.publish();
        } else {
            return Err(Refusal::Busy);
        }
        let container = self.container(id);
        let mut outcome = Ok(());
        if let Some(container) = container {
            self.end_agent(&container.id).await;
            outcome = engine.remove(&container.id).await;
        }
        self.end(id, outcome.map_err(|error| error.to_string()))
            .await;
        Ok(())
    }

    /// Ends the agents inside.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        let tasks: Vec<AgentTask> = {
            let mut inside = lock(&self.shared.inside);
            std::mem::take(&mut *inside).into_values().collect()
        };
        for task in &tasks {
            task.stop.cancel();
        }
        let ended = async {
            for task in tasks {
                // It has said itself why it failed.
                let _ = task.task.await;
            }
        };
        if timeout(CLOSE_TIMEOUT, ended).await.is_err() {
            tracing::warn!("agents inside of dev containers did not end in time");
        }
        self.shared.tasks.close();
    }

    fn begin(&self, id: DevcontainerId, status: DevcontainerStatus) -> Result<(), Refusal> {
        if DevcontainerCli::find(&self.place().environment).is_none() {
            let refusal = Refusal::NoCli;
            let mut known = lock(&self.shared.known);
            if known.get(id).is_none() {
                return Err(Refusal::NotFound);
            }
            known.set_error(id, &refusal.to_string());
            return Err(refusal);
        }
        let begun = lock(&self.shared.known).begin(id, status);
        match begun {
            Some(true) => {
                self.publish();
                Ok(())
            }
            Some(false) => Err(Refusal::Busy),
            None => Err(Refusal::NotFound),
        }
    }

    /// Makes a container; the act has begun already. Answers whether it runs.
    async fn up(&self, id: DevcontainerId, again: bool) -> bool {
        let place = self.place();
        let (one, cli) = (self.get(id), DevcontainerCli::find(&place.environment));
        let (Some(one), Some(cli)) = (one, cli) else {
            self.end(id, Err(Refusal::NoCli.to_string())).await;
            return false;
        };
        if let Some(container) = one.container.as_ref().filter(|_| again) {
            self.end_agent(&container.id).await;
        }
        let log = Arc::clone(&self.shared.log);
        log(
            LogLevel::Info,
            &format!("Starting the dev container {}", one.name),
        );
        let project = Project {
            folder: &one.workspace_folder,
            config: &one.config_path,
        };
        let up = cli.up(project, again, |line| log(LogLevel::Info, line));
        let outcome = tokio::select! {
            outcome = up => outcome.map_err(|error| error.to_string()),
            () = self.shared.stop.cancelled() => Err("the agent is shutting down".to_owned()),
        };
        if let Err(error) = &outcome {
            log(
                LogLevel::Error,
                &format!("The dev container {} does not run: {error}", one.name),
            );
        }
        let runs = outcome.is_ok();
        self.end(id, outcome).await;
        runs
    }

    /// Ends an act, looks what became of it, and cares for the agent inside.
    async fn end(&self, id: DevcontainerId, outcome: Result<(), String>) {
        // The look first: the act holds the status while it goes on.
        self.look().await;
        lock(&self.shared.known).end(id, outcome);
        self.publish();
        self.care();
    }

    /// Asks the engine.
    async fn look(&self) {
        let seen = match self.engine() {
            None => Ok((Vec::new(), Vec::new())),
            Some(engine) => engine.list().await,
        };
        let (containers, warnings) = match seen {
            Ok(seen) => seen,
            Err(error) => {
                tracing::debug!(%error, "containers cannot be listed");
                (
                    Vec::new(),
                    vec![format!("containers cannot be listed: {error}")],
                )
            }
        };
        let entropy = Arc::clone(&self.shared.options.entropy);
        let fresh_id = || DevcontainerId::generate(&*entropy);
        lock(&self.shared.known).see(containers, warnings, fresh_id, modified);
        self.publish();
    }

    pub(super) fn publish(&self) {
        let listing = self.list();
        self.shared.listing.send_if_modified(|current| {
            let changed = **current != listing;
            if changed {
                *current = Arc::new(listing);
            }
            changed
        });
    }

    fn discover(&self) -> Vec<DevcontainerId> {
        if !self.shared.options.discovery {
            return Vec::new();
        }
        let mut ids = Vec::new();
        for folder in discovery::projects(&self.place().directory) {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let id = DevcontainerId::generate(&*self.shared.options.entropy);
            let mut known = lock(&self.shared.known);
            known.add(NewEntry {
                id,
                name: name.into_owned(),
                workspace_folder: folder.to_string_lossy().into_owned(),
                config_path: String::new(),
                subagent_id: None,
            });
            ids.extend(known.get(id).map(|one| one.id));
        }
        ids
    }

    pub(super) fn engine(&self) -> Option<Engine> {
        Engine::find(&self.place().environment)
    }

    pub(super) fn place(&self) -> Place {
        lock(&self.shared.place).clone()
    }

    fn get(&self, id: DevcontainerId) -> Option<WorkspaceAgentDevcontainer> {
        lock(&self.shared.known).get(id).cloned()
    }

    fn container(&self, id: DevcontainerId) -> Option<crate::protocol::WorkspaceAgentContainer> {
        self.get(id)?.container
    }
}

impl fmt::Debug for Devcontainers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Devcontainers")
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DevcontainersOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DevcontainersOptions")
            .field("enable", &self.enable)
            .field("discovery", &self.discovery)
            .field("autostart", &self.autostart)
            .finish_non_exhaustive()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When a file was changed last.
fn modified(path: &str) -> Option<Timestamp> {
    let changed = std::fs::metadata(Path::new(path)).ok()?.modified().ok()?;
    Some(changed.into())
}

//! The agents inside of containers: one each, made at the server and run for as long as its container.

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Devcontainers;
use super::cli::{DevcontainerCli, Project};
use super::configuration::{Wishes, agent_name};
use super::engine::Engine;
use super::inside::Inside;
use super::known::LOCAL_FOLDER;
use super::run::{CLOSE_TIMEOUT, INTERVAL, lock};
use crate::protocol::{
    CreateSubAgentRequest, CreateSubAgentResponse, WorkspaceAgentContainer,
    WorkspaceAgentDevcontainer, WorkspaceAgentDevcontainerAgent,
};
use crate::{ErrorKind, Result};

/// How many names are tried for an agent inside.
const MAX_NAMES: u32 = 9;

/// What cares for the agent inside of one container.
pub(super) struct AgentTask {
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<()>,
}

impl Devcontainers {
    /// Ends what an earlier agent of this workspace began: its tokens are not known here.
    pub(super) async fn forget_agents(&self) {
        let listed = match self.shared.api.list_sub_agents().await {
            Ok(listed) => listed,
            Err(error) => {
                tracing::warn!(%error, "agents inside of dev containers cannot be listed");
                return;
            }
        };
        let foreseen = |id| {
            let listing = self.list();
            let mut all = listing.devcontainers.iter();
            all.any(|one| one.subagent_id == Some(id))
        };
        for agent in listed.agents {
            if !foreseen(agent.id) {
                self.delete_sub_agent(agent.id).await;
            }
        }
    }

    async fn delete_sub_agent(&self, id: coder_core::id::WorkspaceAgentId) {
        if let Err(error) = self.shared.api.delete_sub_agent(id).await {
            tracing::warn!(%error, agent = %id, "agent inside of a dev container cannot be ended");
        }
    }

    /// Sees to it that each running container has what cares for its agent, and no other has.
    pub(super) fn care(&self) {
        let Some(engine) = self.engine() else { return };
        if self.shared.options.executable.is_none() || self.shared.stop.is_cancelled() {
            return;
        }
        let running: Vec<_> = {
            let known = lock(&self.shared.known);
            let running = known.running();
            running
                .map(|(one, container)| (one.clone(), container.clone()))
                .collect()
        };
        let mut inside = lock(&self.shared.inside);
        inside.retain(|id, task| {
            let runs = running.iter().any(|(_, container)| container.id == *id);
            if !runs {
                task.stop.cancel();
            }
            // One that ended is begun again at the next look.
            runs && !task.task.is_finished()
        });
        for (one, container) in running {
            if inside.contains_key(&container.id) {
                continue;
            }
            let stop = self.shared.stop.child_token();
            let (own, engine, stopped) = (self.clone(), engine.clone(), stop.clone());
            let id = container.id.clone();
            let work = async move { own.keep_agent(&engine, &one, &container, &stopped).await };
            let task = self.shared.tasks.spawn(work);
            inside.insert(id, AgentTask { stop, task });
        }
    }

    /// Runs the agent inside of a container until that ends or `stop`.
    async fn keep_agent(
        &self,
        engine: &Engine,
        one: &WorkspaceAgentDevcontainer,
        container: &WorkspaceAgentContainer,
        stop: &CancellationToken,
    ) {
        let wishes = self.wishes(one, container).await;
        if wishes.ignore {
            stop.cancelled().await;
            return;
        }
        let made = match self.create_agent(one, &wishes).await {
            Ok(made) => made,
            Err(error) => {
                tracing::warn!(%error, "agent inside of a dev container cannot be made");
                lock(&self.shared.known).set_error(one.id, &error.to_string());
                self.publish();
                // Asking again soon would not help.
                tokio::time::timeout(6 * INTERVAL, stop.cancelled())
                    .await
                    .ok();
                return;
            }
        };
        let agent = WorkspaceAgentDevcontainerAgent {
            id: made.agent.id,
            name: made.agent.name,
            directory: wishes.directory.clone(),
        };
        lock(&self.shared.known).set_agent(one.id, Some(agent.clone()));
        self.publish();
        let inside = Inside {
            engine,
            container: &container.id,
            wishes: &wishes,
        };
        let run = async {
            if let Some(executable) = &self.shared.options.executable {
                inside.prepare(executable).await?;
            }
            let name = agent.name.clone();
            let line = |line: &str| tracing::info!(agent = name, "inside: {line}");
            inside
                .run(&self.shared.options.url, &made.auth_token, line)
                .await
        };
        let ended = tokio::select! {
            ended = run => Some(ended),
            () = stop.cancelled() => None,
        };
        let error = match ended {
            None => {
                // It is gone where the container is.
                let _ = inside.stop().await;
                String::new()
            }
            Some(Ok(status)) => format!("the agent inside ended: {status}"),
            Some(Err(error)) => format!("the agent inside cannot be started: {error}"),
        };
        if !error.is_empty() {
            tracing::warn!(agent = agent.name, "{error}");
        }
        lock(&self.shared.known).set_agent(one.id, None);
        lock(&self.shared.known).set_error(one.id, &error);
        self.publish();
        if one.subagent_id.is_none() {
            self.delete_sub_agent(agent.id).await;
        }
    }

    async fn wishes(
        &self,
        one: &WorkspaceAgentDevcontainer,
        container: &WorkspaceAgentContainer,
    ) -> Wishes {
        let project = Project {
            folder: &one.workspace_folder,
            config: &one.config_path,
        };
        if let Some(cli) = DevcontainerCli::find(&self.place().environment) {
            match cli.configuration(project).await {
                Ok(configuration) => return configuration.wishes(),
                Err(error) => tracing::warn!(%error, "devcontainer.json cannot be read"),
            }
        }
        // The engine knows as much.
        let folder = container.labels.get(LOCAL_FOLDER);
        let directory = folder.and_then(|folder| container.volumes.get(folder));
        Wishes {
            directory: directory.cloned().unwrap_or_default(),
            user: remote_user(container).unwrap_or_default(),
            ..Wishes::default()
        }
    }

    /// Makes the agent under a name that is free.
    async fn create_agent(
        &self,
        one: &WorkspaceAgentDevcontainer,
        wishes: &Wishes,
    ) -> Result<CreateSubAgentResponse> {
        let wished = [&wishes.name, &one.name];
        let wished = wished.into_iter().find(|name| !name.is_empty());
        let base = agent_name(wished.map_or("", String::as_str));
        let mut number = 1;
        loop {
            let name = if number == 1 {
                base.clone()
            } else {
                format!("{base}-{number}")
            };
            let new = CreateSubAgentRequest {
                id: one.subagent_id,
                name,
                directory: wishes.directory.clone(),
                architecture: architecture().to_owned(),
                operating_system: "linux".to_owned(),
                display_apps: wishes.display_apps.clone(),
                apps: wishes.apps.clone(),
            };
            match self.shared.api.create_sub_agent(new).await {
                Err(error) if error.kind() == ErrorKind::Conflict && number < MAX_NAMES => {
                    number += 1
                }
                made => return made,
            }
        }
    }

    pub(super) async fn end_agent(&self, container: &str) {
        let task = lock(&self.shared.inside).remove(container);
        if let Some(task) = task {
            task.stop.cancel();
            // It has said itself why it failed.
            let _ = timeout(CLOSE_TIMEOUT, task.task).await;
        }
    }
}

/// Whom sessions run as, by the label that the command line of dev containers writes.
fn remote_user(container: &WorkspaceAgentContainer) -> Option<String> {
    let metadata = container.labels.get("devcontainer.metadata")?;
    let parts: Vec<serde_json::Value> = serde_json::from_str(metadata).ok()?;
    let users = parts.iter().rev().filter_map(|part| part.get("remoteUser"));
    users
        .filter_map(serde_json::Value::as_str)
        .next()
        .map(str::to_owned)
}

/// This machine's, which containers share.
const fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "arm64"
    } else if cfg!(target_arch = "arm") {
        "armv7"
    } else {
        "amd64"
    }
}

//! Work on one template.

use super::{
    processes::{command, end, identify},
    state::{Process, State},
    step,
    template::Template,
};
use async_trait::async_trait;
use bytes::Bytes;
use coder_core::{
    clock::{Entropy as _, OsEntropy},
    secret::Secret,
    workspace_agent::StartupScriptBehavior,
    workspace_build::WorkspaceTransition,
};
use coder_provisioner::{
    Error, ErrorKind, LogSink, Result, Session, StateSink,
    protocol::{
        Agent, AgentAuth, ApplyComplete, ApplyFailed, ApplyRequest, DisplayApps, Metadata,
        ParseComplete, PlanComplete, PlanHandle, PlanRequest, Resource, ResourcesMonitoring,
        TemplateVariable,
    },
};
use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Seconds until an agent that has not connected counts as timed out.
const CONNECTION_TIMEOUT: i32 = 120;

pub(super) struct ProcessSession {
    template: Template,
    readme: String,
    logs: Arc<dyn LogSink>,
    /// Where the folders of workspaces are.
    folders: PathBuf,
    newest_plan: Option<Arc<Planned>>,
}

/// What a plan handle holds.
struct Planned {
    transition: WorkspaceTransition,
    folder: PathBuf,
    state: State,
    /// `VARIABLE_<name>` and the facts about the workspace.
    environment: Vec<(String, String)>,
}

/// A random identifier from the operating system.
pub(super) fn random_id() -> Uuid {
    let mut bytes = [0; 16];
    OsEntropy.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

impl ProcessSession {
    pub(super) fn new(
        template: Template,
        readme: String,
        logs: Arc<dyn LogSink>,
        folders: PathBuf,
    ) -> Self {
        Self {
            template,
            readme,
            logs,
            folders,
            newest_plan: None,
        }
    }

    fn environment(&self, request: &PlanRequest) -> Vec<(String, String)> {
        let Metadata {
            workspace_name,
            workspace_owner,
            coder_url,
            ..
        } = &request.metadata;
        let facts = [
            ("CODER_WORKSPACE_NAME", workspace_name),
            ("CODER_WORKSPACE_OWNER_NAME", workspace_owner),
            ("CODER_AGENT_URL", coder_url),
        ];
        let variables = self.template.variables.iter().map(|variable| {
            let mut given = request.variable_values.iter();
            let given = given.find(|value| value.name == variable.name);
            let value = given.map(|value| value.value.expose().to_owned());
            let value = value
                .or_else(|| variable.default.clone())
                .unwrap_or_default();
            (format!("VARIABLE_{}", variable.name), value)
        });
        facts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .chain(variables)
            .collect()
    }

    /// Prepares the folder and starts the program.
    async fn start(
        &self,
        plan: &Planned,
        state: &mut State,
        sink: &dyn StateSink,
        cancel: &CancellationToken,
    ) -> Result<Secret> {
        create_folder(&plan.folder)?;
        sink.snapshot(state.to_bytes());
        if !self.template.setup.is_empty() {
            let setup = &self.template.setup;
            step::run(setup, &plan.folder, &plan.environment, &*self.logs, cancel).await?;
        }
        // Known before it exists: it is found by its marker even if this program ends right now.
        let marker = random_id();
        state.process = Some(Process { marker, id: None });
        sink.snapshot(state.to_bytes());
        let token = random_id().to_string();
        let pid = self.launch(plan, marker, &token)?;
        state.process = Some(Process {
            marker,
            id: identify(pid),
        });
        Ok(Secret::new(token))
    }

    fn launch(&self, plan: &Planned, marker: Uuid, token: &str) -> Result<u32> {
        let failed = |error| Error::internal("start the workspace's program", error);
        let Some((program, arguments)) = self.template.command.split_first() else {
            return Err(Error::new(
                ErrorKind::InvalidTemplate,
                "the template has no command",
            ));
        };
        let mut options = OpenOptions::new();
        let output = options
            .create(true)
            .append(true)
            .open(plan.folder.join("output.log"));
        let output = output.map_err(failed)?;
        let mut child = command(program, marker)
            .args(arguments)
            .envs(plan.environment.iter().map(|(name, value)| (name, value)))
            .envs(&self.template.environment)
            .env("CODER_AGENT_TOKEN", token)
            .current_dir(&plan.folder)
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            .spawn()
            .map_err(|error| {
                let text = format!("{program:?} cannot be started");
                Error::new(ErrorKind::Failed, text).with_source(error)
            })?;
        let pid = child.id().unwrap_or_default();
        // Takes the exit status when it comes, so that no zombie stays.
        tokio::spawn(async move { child.wait().await });
        Ok(pid)
    }

    async fn carry_out(
        &self,
        plan: &Planned,
        state: &mut State,
        sink: &dyn StateSink,
        cancel: &CancellationToken,
    ) -> Result<Vec<Resource>> {
        if cancel.is_cancelled() {
            return Err(Error::canceled());
        }
        if let Some(process) = state.process.take() {
            end(&process).await;
        }
        let token = match plan.transition {
            WorkspaceTransition::Start => Some(self.start(plan, state, sink, cancel).await?),
            WorkspaceTransition::Stop => None,
            WorkspaceTransition::Delete => {
                remove_folder(&plan.folder)?;
                None
            }
        };
        Ok(resources(plan.transition, token.unwrap_or_default()))
    }
}

#[async_trait]
impl Session for ProcessSession {
    async fn parse(&mut self, _: &CancellationToken) -> Result<ParseComplete> {
        let variables = self
            .template
            .variables
            .iter()
            .map(|variable| TemplateVariable {
                name: variable.name.clone(),
                description: variable.description.clone(),
                kind: "string".to_owned(),
                default_value: variable.default.clone().unwrap_or_default(),
                required: variable.default.is_none(),
                sensitive: false,
            });
        Ok(ParseComplete {
            template_variables: variables.collect(),
            readme: self.readme.clone(),
            ..ParseComplete::default()
        })
    }

    async fn plan(
        &mut self,
        request: PlanRequest,
        cancel: &CancellationToken,
    ) -> Result<PlanComplete> {
        if cancel.is_cancelled() {
            return Err(Error::canceled());
        }
        let transition = request.metadata.workspace_transition;
        let environment = self.environment(&request);
        // Whatever is missing, a workspace can be stopped and deleted.
        if transition == WorkspaceTransition::Start && !self.template.check.is_empty() {
            let check = &self.template.check;
            step::run(check, Path::new("/"), &environment, &*self.logs, cancel).await?;
        }
        let planned = Arc::new(Planned {
            transition,
            folder: self.folders.join(request.metadata.workspace_id.to_string()),
            state: State::read(&request.state)?,
            environment,
        });
        self.newest_plan = Some(Arc::clone(&planned));
        let planned_resources = resources(transition, Secret::default());
        Ok(PlanComplete::new(
            planned_resources,
            PlanHandle::new(planned),
        ))
    }

    async fn apply(
        &mut self,
        plan: PlanHandle,
        _: ApplyRequest,
        sink: Arc<dyn StateSink>,
        cancel: &CancellationToken,
    ) -> Result<ApplyComplete, ApplyFailed> {
        let newest = self.newest_plan.take();
        let plan = plan.into_inner::<Arc<Planned>>();
        let Some(plan) =
            plan.filter(|plan| newest.is_some_and(|newest| Arc::ptr_eq(plan, &newest)))
        else {
            let text = "this is not the newest plan of the session";
            return Err(failed(Error::new(ErrorKind::InvalidRequest, text), None));
        };
        let mut state = plan.state.clone();
        match self.carry_out(&plan, &mut state, &*sink, cancel).await {
            Ok(resources) => Ok(ApplyComplete {
                state: state.to_bytes(),
                resources,
                timings: Vec::new(),
            }),
            Err(error) => Err(failed(error, Some(state.to_bytes()))),
        }
    }
}

fn failed(error: Error, state: Option<Bytes>) -> ApplyFailed {
    ApplyFailed {
        error,
        state,
        timings: Vec::new(),
    }
}

/// What exists after a transition: the folder until the delete, the process while the workspace runs.
fn resources(transition: WorkspaceTransition, token: Secret) -> Vec<Resource> {
    let resource = |kind: &str, name: &str| Resource {
        kind: kind.to_owned(),
        name: name.to_owned(),
        ..Resource::default()
    };
    let folder = resource("folder", "home");
    match transition {
        WorkspaceTransition::Start => {
            let mut process = resource("process", "main");
            process.agents.push(agent(token));
            vec![folder, process]
        }
        WorkspaceTransition::Stop => vec![folder],
        WorkspaceTransition::Delete => Vec::new(),
    }
}

fn agent(token: Secret) -> Agent {
    Agent {
        id: String::new(),
        name: "main".to_owned(),
        operating_system: "linux".to_owned(),
        architecture: match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        }
        .to_owned(),
        directory: String::new(),
        env: [].into(),
        extra_envs: Vec::new(),
        auth: AgentAuth::Token(token),
        apps: Vec::new(),
        scripts: Vec::new(),
        metadata: Vec::new(),
        display_apps: DisplayApps::default(),
        connection_timeout_seconds: CONNECTION_TIMEOUT,
        troubleshooting_url: String::new(),
        motd_file: String::new(),
        order: 0,
        api_key_scope: "all".to_owned(),
        startup_script_behavior: StartupScriptBehavior::NonBlocking,
        devcontainers: Vec::new(),
        resources_monitoring: ResourcesMonitoring::default(),
    }
}

fn create_folder(folder: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Error::internal("make the workspace's folder", error))
}

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::internal("remove the workspace's folder", error))
        }
        _ => Ok(()),
    }
}

//! A session: one template, one job.

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::provisioner_job::LogLevel;
use coder_core::workspace_build::WorkspaceTransition;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::cli_config::without_own_lock;
use super::environment::{self, Environment};
use super::graph::Graph;
use super::parse::{self, Declarations};
use super::process::{Invocation, Stream};
use super::progress;
use super::provisioner::{Ready, Shared, blocking};
use super::resources::{Converted, convert};
use super::show;
use super::state::StateFile;
use super::timings::Timings;
use super::variables;
use super::workdir::WorkDirectory;
use crate::protocol::{
    ApplyComplete, ApplyFailed, ApplyRequest, Log, ParseComplete, PlanComplete, PlanHandle,
    PlanRequest, ProvisionerLogLevel, Timing, TimingStage, stage,
};
use crate::{Error, ErrorKind, LogSink, Result, Session, StateSink};

/// Largest output of `terraform show` and `terraform graph`, in bytes.
const MAX_OUTPUT_BYTES: u64 = 128 * 1024 * 1024;

/// A session on an unpacked template.
pub(super) struct TerraformSession {
    shared: Arc<Shared>,
    directory: WorkDirectory,
    log_level: Option<ProvisionerLogLevel>,
    logs: Arc<dyn LogSink>,
    state: StateFile,
    declarations: Option<Declarations>,
    initialized: bool,
    /// The same for every plan: it comes from the template alone.
    graph: Option<Graph>,
    newest_plan: Option<Arc<Planned>>,
}

/// What a plan handle of this provisioner holds.
struct Planned {
    transition: WorkspaceTransition,
    /// There is nothing to destroy, so Terraform does not run.
    nothing_to_do: bool,
}

/// What one run of Terraform tells while it runs.
struct Watcher<'a> {
    logs: &'a dyn LogSink,
    stage: Option<&'a str>,
    shared: &'a Shared,
    told: Mutex<Told>,
    changed: Notify,
}

struct Told {
    timings: Timings,
    first_error: Option<String>,
}

impl<'a> Watcher<'a> {
    fn new(session: &'a TerraformSession, of: TimingStage, stage: Option<&'a str>) -> Self {
        let shared = session.shared.as_ref();
        let timings = Timings::new(of, shared.clock.now());
        let told = Mutex::new(Told {
            timings,
            first_error: None,
        });
        Self {
            logs: session.logs.as_ref(),
            stage,
            shared,
            told,
            changed: Notify::new(),
        }
    }

    fn line(&self, stream: Stream, text: &str) {
        let progress = progress::read(stream, text);
        for log in progress.logs {
            self.logs.log(match self.stage {
                Some(stage) => log.in_stage(stage),
                None => log,
            });
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.first_error.is_none() {
            told.first_error = progress.error;
        }
        if let Some(hook) = progress.hook {
            told.timings.add(hook, self.shared.clock.now());
            // The state file changes with most of these.
            self.changed.notify_one();
        }
    }

    /// The durations, and the result with the first error that Terraform explained.
    fn finish(self, result: Result<()>) -> (Vec<Timing>, Result<()>) {
        let told = self
            .told
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let timings = told.timings.finish(self.shared.clock.now(), result.is_ok());
        let explained = result.map_err(|error| match told.first_error {
            Some(text) if error.kind() == ErrorKind::Failed => {
                Error::new(ErrorKind::Failed, format!("{error}: {text}"))
            }
            _ => error,
        });
        (timings, explained)
    }
}

impl TerraformSession {
    pub(super) fn new(
        shared: Arc<Shared>,
        directory: WorkDirectory,
        log_level: Option<ProvisionerLogLevel>,
        logs: Arc<dyn LogSink>,
    ) -> Self {
        let state = StateFile::new(&directory.template());
        Self {
            shared,
            directory,
            log_level,
            logs,
            state,
            declarations: None,
            initialized: false,
            graph: None,
            newest_plan: None,
        }
    }

    /// Runs Terraform and passes its output on.
    async fn terraform(
        &self,
        arguments: Vec<OsString>,
        environment: &Environment,
        watcher: &Watcher<'_>,
        cancel: &CancellationToken,
    ) -> Result<()> {
        let ready = self.shared.ready().await?;
        let invocation = self.invocation(ready, arguments, environment);
        invocation
            .run(cancel, &|stream, text| watcher.line(stream, &text))
            .await
    }

    /// Runs Terraform quietly and answers with what it prints.
    async fn capture(&self, arguments: &[&str], cancel: &CancellationToken) -> Result<Vec<u8>> {
        let ready = self.shared.ready().await?;
        let arguments = arguments.iter().map(OsString::from).collect();
        let invocation = self.invocation(ready, arguments, &ready.environment);
        let complaint = |text: String| {
            for log in progress::read(Stream::Stderr, &text).logs {
                self.logs.log(Log {
                    level: log.level.min(LogLevel::Warn),
                    ..log
                });
            }
        };
        invocation
            .capture(MAX_OUTPUT_BYTES, cancel, &complaint)
            .await
    }

    fn invocation<'a>(
        &'a self,
        ready: &'a Ready,
        arguments: Vec<OsString>,
        environment: &'a Environment,
    ) -> Invocation<'a> {
        Invocation {
            terraform: &ready.binary.path,
            launcher: self.shared.options.launcher.as_deref(),
            directory: self.directory.template(),
            arguments,
            environment,
            grace: self.shared.options.exit_grace,
        }
    }

    /// Reads the template's declarations, once.
    async fn declarations(&mut self) -> Result<&Declarations> {
        if self.declarations.is_none() {
            let template = self.directory.template();
            self.declarations = Some(blocking(move || parse::read(&template)).await?);
        }
        self.declarations
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the declarations are gone"))
    }

    /// Runs `terraform init`, once.
    async fn initialize(&mut self, cancel: &CancellationToken) -> Result<Vec<Timing>> {
        if self.initialized {
            return Ok(Vec::new());
        }
        self.prepare_providers().await?;
        let ready = self.shared.ready().await?;
        let mut arguments = words(&["init", "-no-color", "-input=false"]);
        if ready.binary.init_has_json() {
            arguments.push("-json".into());
        }
        let turn = tokio::select! {
            turn = self.shared.init.lock() => turn,
            () = cancel.cancelled() => return Err(Error::canceled()),
        };
        let watcher = Watcher::new(self, TimingStage::Init, Some(stage::INITIALIZING));
        let result = self
            .terraform(arguments, &ready.environment, &watcher, cancel)
            .await;
        let (timings, result) = watcher.finish(result);
        drop(turn);
        result?;
        self.initialized = true;
        Ok(timings)
    }

    /// Sees to it that our provider is found and accepted.
    async fn prepare_providers(&mut self) -> Result<()> {
        // A template that cannot be read here is left to Terraform to complain about.
        let constraints = match self.declarations().await {
            Ok(declarations) => declarations.provider_constraints.clone(),
            Err(_) => Vec::new(),
        };
        let lock_file = self.directory.template().join(".terraform.lock.hcl");
        let cli_config = Arc::clone(&self.shared.ready().await?.cli_config);
        let own_provider = self.shared.options.provider_binary.is_some();
        blocking(move || {
            cli_config.offer_pinned(&constraints)?;
            if own_provider && let Ok(lock) = std::fs::read_to_string(&lock_file) {
                std::fs::write(&lock_file, without_own_lock(&lock))
                    .map_err(|error| Error::internal("rewrite the lock file", error))?;
            }
            Ok(())
        })
        .await
    }

    async fn write_variables(&mut self, request: &PlanRequest) -> Result<OsString> {
        let declared = match self.declarations().await {
            Ok(declarations) => declarations.parsed.template_variables.clone(),
            Err(_) => Vec::new(),
        };
        let values = variables::file(&declared, &request.variable_values);
        let path = self.directory.control().join("variables.tfvars.json");
        let mut argument = OsString::from("-var-file=");
        argument.push(&path);
        blocking(move || {
            std::fs::write(&path, values.to_string())
                .map_err(|error| Error::internal("write the variables", error))
        })
        .await?;
        Ok(argument)
    }

    /// Runs `terraform graph`, once.
    async fn read_graph(&self, cancel: &CancellationToken) -> Result<Graph> {
        if let Some(graph) = &self.graph {
            return Ok(graph.clone());
        }
        let typed = self.shared.ready().await?.binary.graph_has_type();
        let arguments: &[&str] = if typed {
            &["graph", "-type=plan"]
        } else {
            &["graph"]
        };
        let output = self.capture(arguments, cancel).await?;
        Ok(Graph::parse(&String::from_utf8_lossy(&output)))
    }

    async fn plan_with_terraform(
        &mut self,
        request: PlanRequest,
        cancel: &CancellationToken,
    ) -> Result<(Converted, Vec<Timing>)> {
        let mut timings = self.initialize(cancel).await?;
        self.state.write(&request.state).await?;
        let variables = self.write_variables(&request).await?;
        let destroy = request.metadata.workspace_transition == WorkspaceTransition::Delete;
        let plan_file = self.directory.control().join("terraform.tfplan");
        let mut arguments = words(&[
            "plan",
            "-no-color",
            "-input=false",
            "-json",
            "-refresh=true",
        ]);
        let mut out = OsString::from("-out=");
        out.push(&plan_file);
        arguments.extend([out, variables]);
        if destroy {
            arguments.push("-destroy".into());
        }
        let environment = environment::for_plan(
            &self.shared.ready().await?.environment,
            &request,
            self.log_level,
        )?;
        let watcher = Watcher::new(self, TimingStage::Plan, None);
        // The graph comes from the template alone, so it is read beside the plan. What comes of
        // it matters only when the plan succeeds.
        let planning = self.terraform(arguments, &environment, &watcher, cancel);
        let (planned, graph) = if destroy {
            (planning.await, Ok(Graph::default()))
        } else {
            tokio::join!(planning, self.read_graph(cancel))
        };
        let (measured, planned) = watcher.finish(planned);
        timings.extend(measured);
        planned?;
        if destroy {
            return Ok((Converted::default(), timings));
        }
        let graph = graph?;
        let converted = if request.apply_only {
            Converted::default()
        } else {
            convert(&self.show(Some(&plan_file), cancel).await?, &graph)?
        };
        self.graph = Some(graph);
        Ok((converted, timings))
    }

    /// What a plan file or, without one, the state describes.
    async fn show(
        &self,
        file: Option<&Path>,
        cancel: &CancellationToken,
    ) -> Result<Vec<show::Instance>> {
        let path = file.map(|path| path.to_string_lossy().into_owned());
        let mut arguments = vec!["show", "-json", "-no-color"];
        arguments.extend(path.as_deref());
        show::from_show(&self.capture(&arguments, cancel).await?)
    }

    async fn apply_with_terraform(
        &mut self,
        request: &ApplyRequest,
        sink: &dyn StateSink,
        cancel: &CancellationToken,
    ) -> (Vec<Timing>, Result<()>) {
        let plan_file = self.directory.control().join("terraform.tfplan");
        let mut arguments = words(&[
            "apply",
            "-no-color",
            "-auto-approve",
            "-input=false",
            "-json",
        ]);
        arguments.push(plan_file.into());
        let environment = match self.shared.ready().await {
            Ok(ready) => {
                environment::for_apply(&ready.environment, &request.metadata, self.log_level)
            }
            Err(error) => Err(error),
        };
        let watcher = Watcher::new(self, TimingStage::Apply, None);
        let applied = match environment {
            Ok(environment) => tokio::select! {
                applied = self.terraform(arguments, &environment, &watcher, cancel) => applied,
                () = self.state.watch(sink, &watcher.changed) => Ok(()),
            },
            Err(error) => Err(error),
        };
        watcher.finish(applied)
    }

    /// The resources that a state describes.
    async fn resources(&self, state: &[u8], cancel: &CancellationToken) -> Result<Converted> {
        let instances = match show::from_state_file(state) {
            Some(instances) => instances,
            None => self.show(None, cancel).await?,
        };
        convert(&instances, self.graph.as_ref().unwrap_or(&Graph::default()))
    }
}

#[async_trait]
impl Session for TerraformSession {
    async fn parse(&mut self, cancel: &CancellationToken) -> Result<ParseComplete> {
        if cancel.is_cancelled() {
            return Err(Error::canceled());
        }
        match self.declarations().await {
            Ok(declarations) => Ok(declarations.parsed.clone()),
            Err(error) if error.kind() == ErrorKind::InvalidTemplate => {
                // Terraform explains its own language best, with file and line.
                self.initialize(cancel).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn plan(
        &mut self,
        request: PlanRequest,
        cancel: &CancellationToken,
    ) -> Result<PlanComplete> {
        if cancel.is_cancelled() {
            return Err(Error::canceled());
        }
        self.newest_plan = None;
        let transition = request.metadata.workspace_transition;
        let nothing_to_do = transition == WorkspaceTransition::Delete && request.state.is_empty();
        let (converted, timings) = if nothing_to_do {
            let text = "There is no state, so there is nothing to destroy.";
            self.logs.log(Log::new(LogLevel::Info, text));
            self.state.write(&[]).await?;
            (Converted::default(), Vec::new())
        } else {
            self.plan_with_terraform(request, cancel).await?
        };
        let planned = Arc::new(Planned {
            transition,
            nothing_to_do,
        });
        self.newest_plan = Some(Arc::clone(&planned));
        Ok(PlanComplete {
            resources: converted.resources,
            rich_parameters: converted.rich_parameters,
            presets: converted.presets,
            external_auth_providers: converted.external_auth_providers,
            timings,
            handle: PlanHandle::new(planned),
        })
    }

    async fn apply(
        &mut self,
        plan: PlanHandle,
        request: ApplyRequest,
        state: Arc<dyn StateSink>,
        cancel: &CancellationToken,
    ) -> Result<ApplyComplete, ApplyFailed> {
        let newest = self.newest_plan.take();
        let planned = match (plan.into_inner::<Arc<Planned>>(), newest) {
            (Some(planned), Some(newest)) if Arc::ptr_eq(&planned, &newest) => planned,
            _ => {
                let text = "this is not the session's newest plan";
                return Err(failed(
                    Error::new(ErrorKind::InvalidRequest, text),
                    None,
                    Vec::new(),
                ));
            }
        };
        if planned.nothing_to_do {
            let resources = Vec::new();
            return Ok(ApplyComplete {
                state: Bytes::new(),
                resources,
                timings: Vec::new(),
            });
        }
        let (timings, applied) = self
            .apply_with_terraform(&request, state.as_ref(), cancel)
            .await;
        let new_state = match self.state.read().await {
            Ok(new_state) => new_state,
            Err(error) => return Err(failed(applied.err().unwrap_or(error), None, timings)),
        };
        if let Err(error) = applied {
            return Err(failed(error, Some(new_state), timings));
        }
        if planned.transition == WorkspaceTransition::Delete {
            return Ok(ApplyComplete {
                state: new_state,
                resources: Vec::new(),
                timings,
            });
        }
        match self.resources(&new_state, cancel).await {
            Ok(converted) => Ok(ApplyComplete {
                state: new_state,
                resources: converted.resources,
                timings,
            }),
            Err(error) => Err(failed(error, Some(new_state), timings)),
        }
    }
}

fn failed(error: Error, state: Option<Bytes>, timings: Vec<Timing>) -> ApplyFailed {
    ApplyFailed {
        error,
        state,
        timings,
    }
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

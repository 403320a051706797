//! A session: one template, one job.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::provisioner_job::LogLevel;
use coder_core::workspace_build::WorkspaceTransition;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::commands::words;
use super::environment::{self, Environment};
use super::graph::Graph;
use super::init_cache::InitKey;
use super::modules;
use super::parse::Declarations;
use super::provisioner::{Shared, blocking};
use super::resources::Converted;
use super::state::{Found, StateFile};
use super::watcher::Watcher;
use super::workdir::WorkDirectory;
use crate::protocol::{
    ApplyComplete, ApplyFailed, ApplyRequest, Config, Log, ParseComplete, PlanComplete, PlanHandle,
    PlanRequest, ProvisionerLogLevel, Timing, TimingStage,
};
use crate::{Error, ErrorKind, LogSink, Result, Session, StateSink};

/// A session on an unpacked template.
pub(super) struct TerraformSession {
    pub(super) shared: Arc<Shared>,
    pub(super) directory: WorkDirectory,
    log_level: Option<ProvisionerLogLevel>,
    pub(super) logs: Arc<dyn LogSink>,
    state: StateFile,
    pub(super) declarations: Option<Declarations>,
    /// Of the template's archive.
    pub(super) archive_hash: [u8; 32],
    /// The modules that the import of the version fetched.
    pub(super) module_files: Option<Bytes>,
    pub(super) refresh: bool,
    pub(super) initialized: bool,
    /// Under which the result of `init` is kept, once there is one.
    pub(super) init_key: Option<InitKey>,
    /// The same for every plan: it comes from the template alone.
    pub(super) graph: OnceLock<Arc<Graph>>,
    newest_plan: Option<Arc<Planned>>,
    /// The newest plan began from a state.
    had_state: bool,
    /// The state that Terraform could write nowhere.
    dumped: OnceLock<Bytes>,
}

/// What a plan handle of this provisioner holds.
struct Planned {
    transition: WorkspaceTransition,
    apply: HowToApply,
}

/// What remains to be done for a plan.
enum HowToApply {
    /// There is nothing to destroy, so Terraform does not run.
    Nothing,
    /// The plan is in a file.
    Saved(PathBuf),
    /// One run plans and applies, since nobody asked to see the plan: that halves the time.
    PlanFirst {
        /// The values of variables, and what sets a destroy apart.
        options: Vec<OsString>,
        environment: Environment,
    },
}

impl TerraformSession {
    pub(super) fn new(
        shared: Arc<Shared>,
        directory: WorkDirectory,
        config: &Config,
        logs: Arc<dyn LogSink>,
    ) -> Self {
        let state = StateFile::new(&directory.template());
        Self {
            shared,
            directory,
            log_level: config.log_level,
            logs,
            state,
            declarations: None,
            archive_hash: Sha256::digest(&config.template_archive).into(),
            module_files: config.module_files.clone(),
            refresh: config.refresh,
            initialized: false,
            init_key: None,
            graph: OnceLock::new(),
            newest_plan: None,
            had_state: false,
            dumped: OnceLock::new(),
        }
    }

    /// Prepares a plan; makes it unless it is put off until apply.
    async fn plan_with_terraform(
        &mut self,
        request: PlanRequest,
        cancel: &CancellationToken,
    ) -> Result<(Converted, HowToApply, Vec<Timing>)> {
        self.state.check_space().await?;
        self.had_state = !request.state.is_empty();
        let mut timings = self.initialize(cancel).await?;
        self.state.write(&request.state).await?;
        let mut options = vec![self.write_variables(&request).await?];
        if request.metadata.workspace_transition == WorkspaceTransition::Delete {
            options.push("-destroy".into());
        }
        let environment = environment::for_plan(
            &self.shared.ready().await?.environment,
            &request,
            self.log_level,
        )?;
        if request.apply_only {
            let apply = HowToApply::PlanFirst {
                options,
                environment,
            };
            return Ok((Converted::default(), apply, timings));
        }
        let plan_file = self.directory.control().join("terraform.tfplan");
        let mut arguments = words(&["plan", "-no-color", "-input=false", "-json"]);
        let mut out = OsString::from("-out=");
        out.push(&plan_file);
        arguments.push(out);
        arguments.extend(options);
        let watcher = self.watcher(TimingStage::Plan, None);
        // The graph comes from the template alone, so it is read beside the plan. What comes of
        // it matters only when the plan succeeds.
        let planning = self.terraform(arguments, &environment, &watcher, cancel);
        let (planned, (graphed, graph)) = tokio::join!(planning, self.timed_graph(cancel));
        let (measured, planned) = watcher.finish(planned);
        timings.extend(measured);
        timings.extend(graphed);
        planned?;
        graph?;
        let shown = self.show(Some(&plan_file), cancel).await?;
        let converted = self.convert(shown).await?;
        Ok((converted, HowToApply::Saved(plan_file), timings))
    }

    async fn apply_with_terraform(
        &self,
        planned: &Planned,
        request: &ApplyRequest,
        sink: &dyn StateSink,
        cancel: &CancellationToken,
    ) -> (Vec<Timing>, Result<()>) {
        let mut arguments = words(&[
            "apply",
            "-no-color",
            "-auto-approve",
            "-input=false",
            "-json",
        ]);
        let saved = match self.shared.ready().await {
            Ok(ready) => {
                environment::for_apply(&ready.environment, &request.metadata, self.log_level)
            }
            Err(error) => Err(error),
        };
        let (logs, clock) = (self.logs.as_ref(), self.shared.clock.as_ref());
        let (environment, watcher) = match &planned.apply {
            HowToApply::Nothing => return (Vec::new(), Ok(())),
            HowToApply::Saved(plan_file) => {
                arguments.push(plan_file.into());
                (saved, self.watcher(TimingStage::Apply, None))
            }
            HowToApply::PlanFirst {
                options,
                environment,
            } => {
                arguments.extend(options.iter().cloned());
                (
                    Ok(environment.clone()),
                    Watcher::plan_and_apply(logs, clock),
                )
            }
        };
        let ready = self.state.check_space().await;
        let environment = ready
            .and_then(|()| self.directory.begin_apply())
            .and(environment);
        let applied = match environment {
            Ok(environment) => tokio::select! {
                applied = self.terraform(arguments, &environment, &watcher, cancel) => applied,
                () = self.state.watch(sink, &watcher.changed) => Ok(()),
            },
            Err(error) => Err(error),
        };
        if let Some(state) = watcher.take_dumped() {
            let _ = self.dumped.set(state);
        }
        watcher.finish(applied)
    }

    /// The state after an apply; `None` when what Terraform left cannot be the state.
    async fn new_state(&self) -> Option<Bytes> {
        if let Some(dumped) = self.dumped.get() {
            return Some(dumped.clone());
        }
        match self.state.read().await {
            Found::Whole(state) => Some(state),
            // A template without resources makes none.
            Found::Nothing if !self.had_state => Some(Bytes::new()),
            Found::Nothing | Found::Broken => None,
        }
    }

    /// What is odd in a template and no error: a preset may be meant for another version, and an agent for a resource
    /// that comes later.
    fn warn(&self, converted: &Converted) {
        for agent in &converted.agents_left_out {
            let text = format!(
                "The agent {agent:?} runs nowhere, since no resource uses it: give its token or init_script to one"
            );
            self.logs.log(Log::new(LogLevel::Warn, text));
        }
        for (preset, parameter) in converted.unknown_preset_values() {
            let text = format!(
                "The preset {preset:?} sets {parameter:?}, which is no parameter of the template"
            );
            self.logs.log(Log::new(LogLevel::Warn, text));
        }
    }

    /// Applies, with the graph read beside it where the resources are to be told from it.
    async fn apply_and_read_graph(
        &self,
        planned: &Planned,
        request: &ApplyRequest,
        sink: &dyn StateSink,
        cancel: &CancellationToken,
    ) -> (Vec<Timing>, Result<()>) {
        if planned.transition == WorkspaceTransition::Delete {
            return self
                .apply_with_terraform(planned, request, sink, cancel)
                .await;
        }
        let applying = self.apply_with_terraform(planned, request, sink, cancel);
        let ((mut timings, applied), (graphed, graph)) =
            tokio::join!(applying, self.timed_graph(cancel));
        timings.extend(graphed);
        (timings, applied.and(graph))
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
        let (converted, apply, timings) = if nothing_to_do {
            let text = "There is no state, so there is nothing to destroy.";
            self.logs.log(Log::new(LogLevel::Info, text));
            self.state.write(&[]).await?;
            (Converted::default(), HowToApply::Nothing, Vec::new())
        } else {
            self.plan_with_terraform(request, cancel).await?
        };
        if transition == WorkspaceTransition::Start {
            self.warn(&converted);
        }
        let planned = Arc::new(Planned { transition, apply });
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

    async fn module_files(&mut self) -> Result<Option<Bytes>> {
        let template = self.directory.template();
        blocking(move || modules::pack(&template)).await
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
        if matches!(planned.apply, HowToApply::Nothing) {
            return Ok(ApplyComplete {
                state: Bytes::new(),
                resources: Vec::new(),
                timings: Vec::new(),
            });
        }
        let (timings, applied) = self
            .apply_and_read_graph(&planned, &request, state.as_ref(), cancel)
            .await;
        // Without one, the newest snapshot stays.
        let new_state = self.new_state().await;
        self.directory.end_apply();
        if let Err(error) = applied {
            self.forget_broken_init(&error).await;
            return Err(failed(error, new_state, timings));
        }
        let Some(new_state) = new_state else {
            let error = Error::new(ErrorKind::Failed, "terraform apply left no readable state");
            return Err(failed(error, None, timings));
        };
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

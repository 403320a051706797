//! A provisioner with scripted answers, for tests.
//!
//! The answers travel in the template archive, as the file [`SCRIPT_FILE`] with the JSON of an
//! [`EchoScript`]. A step may wait for an event, which the test releases by name, so that a test
//! decides how things interleave without ever sleeping.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::id::ProvisionerJobId;
use coder_core::parameter::RichParameter;
use coder_core::workspace_build::WorkspaceTransition;
use coder_core::workspace_tags::WorkspaceTagExpressions;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::protocol::{
    ApplyComplete, ApplyFailed, ApplyRequest, Config, ExternalAuthProvider, Log, MAX_README_BYTES,
    ParseComplete, PlanComplete, PlanHandle, PlanRequest, Preset, Resource, TemplateVariable,
};
use crate::{Error, ErrorKind, LogSink, Provisioner, Result, Session, StateSink};

/// Name of the script in the archive.
pub const SCRIPT_FILE: &str = "echo.json";
const README_FILE: &str = "README.md";
/// Largest script, in bytes.
const MAX_SCRIPT_BYTES: u64 = 16 * 1024 * 1024;

/// What every scripted step can do before it answers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EchoStep {
    /// Lines to write first.
    pub logs: Vec<Log>,
    /// Then wait until the test releases this event.
    pub wait_for: Option<String>,
    /// Do not let a cancel end the wait.
    pub ignore_cancel: bool,
    /// Then panic with this text.
    pub panic: Option<String>,
    /// Or fail with this text.
    pub error: Option<String>,
}

/// Scripted answer to parse.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EchoParse {
    /// What happens before the answer.
    pub step: EchoStep,
    /// Answered variables.
    pub template_variables: Vec<TemplateVariable>,
    /// Answered tags.
    pub workspace_tags: WorkspaceTagExpressions,
}

/// Scripted answer to plan.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EchoPlan {
    /// What happens before the answer.
    pub step: EchoStep,
    /// What a running workspace has.
    pub start_resources: Vec<Resource>,
    /// What a stopped workspace has.
    pub stop_resources: Vec<Resource>,
    /// Answered parameters.
    pub rich_parameters: Vec<RichParameter>,
    /// Answered presets.
    pub presets: Vec<Preset>,
    /// Answered external logins.
    pub external_auth_providers: Vec<ExternalAuthProvider>,
}

/// Scripted answer to apply. The resources are those of the plan.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EchoApply {
    /// State handed over before the step.
    pub snapshot: Option<String>,
    /// What happens before the answer.
    pub step: EchoStep,
    /// State afterwards, also after a failure. Without it the state lists what exists.
    pub state: Option<String>,
}

/// The scripted answers of one template.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EchoScript {
    /// Answer to parse.
    pub parse: EchoParse,
    /// Answer to each plan.
    pub plan: EchoPlan,
    /// Answer to apply.
    pub apply: EchoApply,
}

impl EchoScript {
    /// The template archive that carries this script and a README.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the archive cannot be written, which memory does not do.
    pub fn to_archive(&self, readme: &str) -> Result<Bytes> {
        let script = serde_json::to_vec(self)
            .map_err(|error| Error::internal("encode the script", error))?;
        let mut archive = tar::Builder::new(Vec::new());
        for (name, content) in [
            (SCRIPT_FILE, script.as_slice()),
            (README_FILE, readme.as_bytes()),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            archive
                .append_data(&mut header, name, content)
                .map_err(|error| Error::internal("write the archive", error))?;
        }
        let bytes = archive
            .into_inner()
            .map_err(|error| Error::internal("write the archive", error))?;
        Ok(bytes.into())
    }
}

/// Answers as the template's script says.
#[derive(Debug, Clone, Default)]
pub struct EchoProvisioner {
    events: Arc<Events>,
}

#[derive(Debug, Default)]
struct Events {
    reached: watch::Sender<BTreeSet<String>>,
    released: watch::Sender<BTreeSet<String>>,
    kept: watch::Sender<Vec<Bytes>>,
}

impl EchoProvisioner {
    /// A provisioner of which no event is released yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until a step waits for this event.
    pub async fn reached(&self, event: &str) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self
            .events
            .reached
            .subscribe()
            .wait_for(|set| set.contains(event))
            .await;
    }

    /// Lets every step go on that waits, or will wait, for this event.
    pub fn release(&self, event: &str) {
        self.events.released.send_modify(|set| {
            set.insert(event.to_owned());
        });
    }

    /// The states that a daemon gave back because the server did not take them.
    #[must_use]
    pub fn kept(&self) -> Vec<Bytes> {
        self.events.kept.borrow().clone()
    }
}

#[async_trait]
impl Provisioner for EchoProvisioner {
    async fn keep_state(&self, _job_id: ProvisionerJobId, state: Bytes) {
        self.events.kept.send_modify(|kept| kept.push(state));
    }

    async fn session(&self, config: Config, logs: Arc<dyn LogSink>) -> Result<Box<dyn Session>> {
        let mut script = None;
        let mut readme = String::new();
        let refused = |error| {
            Error::new(ErrorKind::InvalidArchive, "read the template archive").with_source(error)
        };
        let mut archive = tar::Archive::new(config.template_archive.as_ref());
        for entry in archive.entries().map_err(refused)? {
            let entry = entry.map_err(refused)?;
            let path = entry.path().map_err(refused)?.into_owned();
            if path.as_os_str() == SCRIPT_FILE {
                let parsed = serde_json::from_reader(entry.take(MAX_SCRIPT_BYTES));
                script = Some(parsed.map_err(|error| {
                    Error::new(ErrorKind::InvalidTemplate, "read echo.json").with_source(error)
                })?);
            } else if path.as_os_str() == README_FILE {
                let mut bytes = Vec::new();
                entry
                    .take(MAX_README_BYTES as u64)
                    .read_to_end(&mut bytes)
                    .map_err(refused)?;
                readme = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        let script = script.ok_or_else(|| {
            Error::new(ErrorKind::InvalidTemplate, "the template has no echo.json")
        })?;
        let events = Arc::clone(&self.events);
        Ok(Box::new(EchoSession {
            script,
            readme,
            logs,
            events,
            newest_plan: None,
        }))
    }
}

struct EchoSession {
    script: EchoScript,
    readme: String,
    logs: Arc<dyn LogSink>,
    events: Arc<Events>,
    newest_plan: Option<Arc<EchoPlanned>>,
}

/// What a plan handle of this provisioner holds.
struct EchoPlanned {
    transition: WorkspaceTransition,
    resources: Vec<Resource>,
}

impl EchoSession {
    async fn step(&self, step: &EchoStep, cancel: &CancellationToken) -> Result<()> {
        if cancel.is_cancelled() {
            return Err(Error::canceled());
        }
        for log in &step.logs {
            self.logs.log(log.clone());
        }
        if let Some(event) = &step.wait_for {
            self.events.reached.send_modify(|set| {
                set.insert(event.clone());
            });
            let mut released = self.events.released.subscribe();
            let ended = if step.ignore_cancel {
                CancellationToken::new()
            } else {
                cancel.clone()
            };
            tokio::select! {
                _ = released.wait_for(|set| set.contains(event)) => {}
                () = ended.cancelled() => return Err(Error::canceled()),
            }
        }
        if let Some(text) = &step.panic {
            #[expect(clippy::panic, reason = "the script asks for a panic")]
            std::panic::panic_any(text.clone());
        }
        match &step.error {
            Some(text) => {
                self.logs
                    .log(Log::new(coder_core::provisioner_job::LogLevel::Error, text));
                Err(Error::new(ErrorKind::Failed, text))
            }
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Session for EchoSession {
    async fn parse(&mut self, cancel: &CancellationToken) -> Result<ParseComplete> {
        let parse = self.script.parse.clone();
        self.step(&parse.step, cancel).await?;
        Ok(ParseComplete {
            template_variables: parse.template_variables,
            readme: self.readme.clone(),
            workspace_tags: parse.workspace_tags,
        })
    }

    async fn plan(
        &mut self,
        request: PlanRequest,
        cancel: &CancellationToken,
    ) -> Result<PlanComplete> {
        let plan = self.script.plan.clone();
        self.step(&plan.step, cancel).await?;
        let transition = request.metadata.workspace_transition;
        let resources = match transition {
            WorkspaceTransition::Start => plan.start_resources,
            WorkspaceTransition::Stop => plan.stop_resources,
            WorkspaceTransition::Delete => Vec::new(),
        };
        let planned = Arc::new(EchoPlanned {
            transition,
            resources: resources.clone(),
        });
        self.newest_plan = Some(Arc::clone(&planned));
        Ok(PlanComplete {
            rich_parameters: plan.rich_parameters,
            presets: plan.presets,
            external_auth_providers: plan.external_auth_providers,
            ..PlanComplete::new(resources, PlanHandle::new(planned))
        })
    }

    async fn apply(
        &mut self,
        plan: PlanHandle,
        _request: ApplyRequest,
        state: Arc<dyn StateSink>,
        cancel: &CancellationToken,
    ) -> Result<ApplyComplete, ApplyFailed> {
        let newest = self.newest_plan.take();
        let planned = plan.into_inner::<Arc<EchoPlanned>>();
        let (Some(planned), Some(newest)) = (planned, newest) else {
            return Err(not_newest());
        };
        if !Arc::ptr_eq(&planned, &newest) {
            return Err(not_newest());
        }
        let apply = self.script.apply.clone();
        if let Some(snapshot) = apply.snapshot {
            state.snapshot(snapshot.into());
        }
        let stepped = self.step(&apply.step, cancel).await;
        let state = match (apply.state, planned.transition) {
            (Some(state), _) => state,
            (None, WorkspaceTransition::Delete) => String::new(),
            (None, _) => {
                let names: Vec<_> = planned.resources.iter().map(|found| &found.name).collect();
                serde_json::json!({ "resources": names }).to_string()
            }
        };
        match stepped {
            Ok(()) => Ok(ApplyComplete {
                state: state.into(),
                resources: planned.resources.clone(),
                timings: Vec::new(),
            }),
            Err(error) => Err(ApplyFailed {
                error,
                state: Some(state.into()),
                timings: Vec::new(),
            }),
        }
    }
}

fn not_newest() -> ApplyFailed {
    ApplyFailed {
        error: Error::new(
            ErrorKind::InvalidRequest,
            "this is not the session's newest plan",
        ),
        state: None,
        timings: Vec::new(),
    }
}

//! The commands that a session runs.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use coder_core::provisioner_job::LogLevel;
use tokio_util::sync::CancellationToken;

use super::environment::Environment;
use super::graph::Graph;
use super::parse::{self, Declarations};
use super::process::{Invocation, Stream};
use super::progress;
use super::provisioner::{Ready, blocking};
use super::resources::{Converted, convert};
use super::session::TerraformSession;
use super::show;
use super::timings::Timings;
use super::variables;
use super::watcher::Watcher;
use crate::protocol::{Log, PlanRequest, Timing, TimingStage};
use crate::{Error, ErrorKind, Result};

/// Largest output of `terraform show` and `terraform graph`, in bytes.
const MAX_OUTPUT_BYTES: u64 = 128 * 1024 * 1024;

impl TerraformSession {
    /// Runs Terraform and passes its output on.
    pub(super) async fn terraform(
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
        let arguments = words(arguments);
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
            lock: self.directory.lock(),
            directory: self.directory.template(),
            arguments,
            environment,
            grace: self.shared.options.exit_grace,
        }
    }

    /// A watcher of a run that is one stage of the build.
    pub(super) fn watcher(
        &self,
        measured: TimingStage,
        stage: Option<&'static str>,
    ) -> Watcher<'_> {
        Watcher::new(
            self.logs.as_ref(),
            self.shared.clock.as_ref(),
            measured,
            stage,
        )
    }

    /// Reads the template's declarations, once.
    pub(super) async fn declarations(&mut self) -> Result<&Declarations> {
        if self.declarations.is_none() {
            let template = self.directory.template();
            self.declarations = Some(blocking(move || parse::read(&template)).await?);
        }
        self.declarations
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the declarations are gone"))
    }

    /// Writes the values of variables to a file and answers with the argument that names it.
    pub(super) async fn write_variables(&mut self, request: &PlanRequest) -> Result<OsString> {
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

    /// Reads the template's graph. Answers how long that took.
    pub(super) async fn timed_graph(
        &self,
        cancel: &CancellationToken,
    ) -> (Vec<Timing>, Result<()>) {
        let clock = self.shared.clock.as_ref();
        let timings = Timings::new(TimingStage::Graph, clock.now());
        let read = self.read_graph(cancel).await;
        (timings.finish(clock.now(), read.is_ok()), read)
    }

    /// Runs `terraform graph` unless it, or an earlier session on the same template, did.
    async fn read_graph(&self, cancel: &CancellationToken) -> Result<()> {
        if self.graph.get().is_some() {
            return Ok(());
        }
        let ready = self.shared.ready().await?;
        let arguments: &[&str] = if ready.binary.graph_has_type() {
            &["graph", "-type=plan"]
        } else {
            &["graph"]
        };
        let output = Bytes::from(self.capture(arguments, cancel).await?);
        let text = output.clone();
        let graph = blocking(move || Ok(Graph::parse(&String::from_utf8_lossy(&text)))).await?;
        self.remember_graph(graph);
        if let Some(key) = self.init_key.clone() {
            let cache = ready.init_cache.clone();
            let stored = blocking(move || {
                cache
                    .store_graph(&key, &output)
                    .map_err(|error| Error::internal("keep the graph", error))
            });
            if let Err(error) = stored.await {
                tracing::warn!(error = %error.chain(), "the next build reads the graph again");
            }
        }
        Ok(())
    }

    /// Takes the template's graph. It never changes, so a second one is the same.
    pub(super) fn remember_graph(&self, graph: Graph) {
        let _ = self.graph.set(Arc::new(graph));
    }

    /// What a plan file or, without one, the state describes.
    pub(super) async fn show(
        &self,
        file: Option<&Path>,
        cancel: &CancellationToken,
    ) -> Result<Vec<show::Instance>> {
        let path = file.map(|path| path.to_string_lossy().into_owned());
        let mut arguments = vec!["show", "-json", "-no-color"];
        arguments.extend(path.as_deref());
        let output = self.capture(&arguments, cancel).await?;
        blocking(move || show::from_show(&output)).await
    }

    /// The resources that a state describes.
    pub(super) async fn resources(
        &self,
        state: &Bytes,
        cancel: &CancellationToken,
    ) -> Result<Converted> {
        let state = state.clone();
        let instances = match blocking(move || Ok(show::from_state_file(&state))).await? {
            Some(instances) => instances,
            None => self.show(None, cancel).await?,
        };
        self.convert(instances).await
    }

    /// Instances with the template's graph, which was read before. Off the runtime's threads: a large template
    /// takes its time.
    pub(super) async fn convert(&self, instances: Vec<show::Instance>) -> Result<Converted> {
        let graph = self.graph.get().cloned().unwrap_or_default();
        blocking(move || convert(&instances, &graph)).await
    }
}

pub(super) fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

use std::io;
use std::sync::Arc;
use std::time::Duration;

use coder_core::Timestamp;
use coder_core::clock::Clock;
use coder_core::id::LogSourceId;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::lines::LineSplitter;
use super::log_file::LogFile;
use super::{Ended, LogQueue, ScriptContext, run};
use crate::protocol::{
    Log, LogLevel, Script, ScriptCompleted, ScriptStage, ScriptStatus, UNKNOWN_EXIT_CODE,
};

/// Runs the template's scripts and logs what they say.
#[derive(Clone)]
pub(crate) struct ScriptRunner {
    context: Arc<ScriptContext>,
    logs: LogQueue,
    clock: Arc<dyn Clock>,
}

impl ScriptRunner {
    pub(crate) fn new(context: Arc<ScriptContext>, logs: LogQueue, clock: Arc<dyn Clock>) -> Self {
        Self {
            context,
            logs,
            clock,
        }
    }

    /// Runs all `scripts` at once and gives what became of them, each also to `report` as soon as
    /// it ended. Those ended by `cancel` are left out.
    pub(crate) async fn run_all<'a>(
        &self,
        scripts: impl Iterator<Item = &'a Script>,
        stage: ScriptStage,
        cancel: &CancellationToken,
        report: impl Fn(ScriptCompleted) + Sync,
    ) -> Vec<ScriptStatus> {
        let runs = scripts.map(|script| async {
            let completed = self.run(script, stage, cancel).await?;
            let status = completed.status;
            report(completed);
            Some(status)
        });
        join_all(runs).await.into_iter().flatten().collect()
    }

    async fn run(
        &self,
        script: &Script,
        stage: ScriptStage,
        cancel: &CancellationToken,
    ) -> Option<ScriptCompleted> {
        let start = self.clock.now();
        let name = &script.display_name;
        tracing::info!(script = %name, %stage, "running script");
        let (exit_code, status) = match self.execute(script, cancel).await {
            Ok(Ended::Exited(0)) => (0, ScriptStatus::Ok),
            Ok(Ended::Exited(code)) => (code, ScriptStatus::ExitFailure),
            Ok(Ended::PipesLeftOpen) => {
                self.say(
                    script.log_source_id,
                    LogLevel::Warn,
                    "The script ended, but a process it started still holds its output. \
                     Redirect the output of background processes, for example to /dev/null.",
                );
                (0, ScriptStatus::PipesLeftOpen)
            }
            Ok(Ended::TimedOut) => {
                let text = format!("The script was ended after {} s.", script.timeout);
                self.say(script.log_source_id, LogLevel::Error, &text);
                (UNKNOWN_EXIT_CODE, ScriptStatus::TimedOut)
            }
            Ok(Ended::Cancelled) => return None,
            Err(error) => {
                let text = format!("The script cannot be run: {error}");
                self.say(script.log_source_id, LogLevel::Error, &text);
                (UNKNOWN_EXIT_CODE, ScriptStatus::ExitFailure)
            }
        };
        tracing::info!(script = %name, %stage, exit_code, %status, "script ended");
        let script_id = script.id;
        let end = self.clock.now();
        Some(ScriptCompleted {
            script_id,
            start,
            end,
            exit_code,
            stage,
            status,
        })
    }

    async fn execute(&self, script: &Script, cancel: &CancellationToken) -> io::Result<Ended> {
        let command = self.context.script_command(script)?;
        let file = LogFile::create(&self.context.log_path(script));
        let limit = (script.timeout > 0).then(|| Duration::from_secs(script.timeout));
        let output = |level| Output {
            source: script.log_source_id,
            level,
            file: file.clone(),
            splitter: LineSplitter::default(),
            logs: self.logs.clone(),
            clock: Arc::clone(&self.clock),
        };
        let (mut stdout, mut stderr) = (output(LogLevel::Info), output(LogLevel::Error));
        let stdout = move |bytes: &[u8]| stdout.take(bytes);
        let stderr = move |bytes: &[u8]| stderr.take(bytes);
        run(command, limit, cancel, stdout, stderr).await
    }

    fn say(&self, source: LogSourceId, level: LogLevel, text: &str) {
        let output = text.to_owned();
        self.logs.push(
            source,
            Log {
                created_at: self.clock.now(),
                output,
                level,
            },
        );
    }
}

/// One of a script's two outputs on its way to the file and the server.
struct Output {
    source: LogSourceId,
    level: LogLevel,
    file: LogFile,
    splitter: LineSplitter,
    logs: LogQueue,
    clock: Arc<dyn Clock>,
}

impl Output {
    fn take(&mut self, bytes: &[u8]) {
        self.file.write(bytes);
        let created_at = self.clock.now();
        let Self { splitter, .. } = self;
        let (logs, source, level) = (&self.logs, self.source, self.level);
        splitter.push(bytes, |line| push(logs, source, level, created_at, line));
    }
}

impl Drop for Output {
    /// The output has ended: what no line end completed is sent too.
    fn drop(&mut self) {
        if let Some(line) = self.splitter.finish() {
            push(&self.logs, self.source, self.level, self.clock.now(), line);
        }
    }
}

fn push(
    logs: &LogQueue,
    source: LogSourceId,
    level: LogLevel,
    created_at: Timestamp,
    output: String,
) {
    logs.push(
        source,
        Log {
            created_at,
            output,
            level,
        },
    );
}

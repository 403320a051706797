use std::io;
use std::sync::Arc;
use std::time::Duration;

use coder_core::Timestamp;
use coder_core::clock::Clock;
use coder_core::id::LogSourceId;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::last_lines::LastLines;
use super::lines::LineSplitter;
use super::log_file::LogFile;
use super::{Ended, LogQueue, Running, ScriptContext};
use crate::protocol::{
    Log, LogLevel, Script, ScriptCompleted, ScriptStage, ScriptStatus, UNKNOWN_EXIT_CODE,
};

/// Runs the template's scripts and logs what they say.
#[derive(Clone)]
pub(crate) struct ScriptRunner {
    context: Arc<ScriptContext>,
    logs: LogQueue,
    pub(super) clock: Arc<dyn Clock>,
}

/// How a run ended, and the last it said.
struct Executed {
    ended: Ended,
    last_lines: String,
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
            let completed = self.run(script, stage, cancel, |_| {}).await?;
            let status = completed.status;
            report(completed);
            Some(status)
        });
        join_all(runs).await.into_iter().flatten().collect()
    }

    /// Runs a script; `started` is told its process. `None` when `cancel` ended it.
    pub(super) async fn run(
        &self,
        script: &Script,
        stage: ScriptStage,
        cancel: &CancellationToken,
        started: impl FnOnce(u32),
    ) -> Option<ScriptCompleted> {
        let start = self.clock.now();
        let name = &script.display_name;
        tracing::info!(script = %name, %stage, "running script");
        let (ended, last_lines) = match self.execute(script, cancel, started).await {
            Ok(Executed { ended, last_lines }) => (Ok(ended), last_lines),
            Err(error) => (Err(error), String::new()),
        };
        let (exit_code, status, note) = judge(script, ended)?;
        if let Some((level, text)) = &note {
            self.say(script.log_source_id, *level, text);
        }
        tracing::info!(script = %name, %stage, exit_code, %status, "script ended");
        let failed = !matches!(status, ScriptStatus::Ok | ScriptStatus::PipesLeftOpen);
        let last_lines = match note {
            Some((_, text)) if failed && last_lines.is_empty() => text,
            _ if failed => last_lines,
            _ => String::new(),
        };
        Some(ScriptCompleted {
            script_id: script.id,
            start,
            end: self.clock.now(),
            exit_code,
            stage,
            status,
            last_lines,
        })
    }

    async fn execute(
        &self,
        script: &Script,
        cancel: &CancellationToken,
        started: impl FnOnce(u32),
    ) -> io::Result<Executed> {
        let command = self.context.script_command(script)?;
        let file = LogFile::create(&self.context.log_path(script));
        let limit = (script.timeout > 0).then(|| Duration::from_secs(script.timeout));
        let (said, complained) = (LastLines::default(), LastLines::default());
        let output = |level, last: &LastLines| Output {
            source: script.log_source_id,
            level,
            file: file.clone(),
            splitter: LineSplitter::default(),
            last: last.clone(),
            logs: self.logs.clone(),
            clock: Arc::clone(&self.clock),
        };
        let mut stdout = output(LogLevel::Info, &said);
        let mut stderr = output(LogLevel::Error, &complained);
        let stdout = move |bytes: &[u8]| stdout.take(bytes);
        let stderr = move |bytes: &[u8]| stderr.take(bytes);
        let running = Running::spawn(command, stdout, stderr)?;
        if let Some(process) = running.id() {
            started(process);
        }
        let ended = running.wait(limit, cancel).await?;
        let complaint = Some(complained.text()).filter(|text| !text.is_empty());
        Ok(Executed {
            ended,
            last_lines: complaint.unwrap_or_else(|| said.text()),
        })
    }

    pub(super) fn say(&self, source: LogSourceId, level: LogLevel, text: &str) {
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

/// What to tell the user of a run beside its output.
type Note = Option<(LogLevel, String)>;

/// Exit code, status and note of a run by how it ended; `None` when it was cancelled.
fn judge(script: &Script, ended: io::Result<Ended>) -> Option<(i32, ScriptStatus, Note)> {
    Some(match ended {
        Ok(Ended::Cancelled) => return None,
        Ok(Ended::Exited(0)) => (0, ScriptStatus::Ok, None),
        Ok(Ended::Exited(code)) => (code, ScriptStatus::ExitFailure, None),
        Ok(Ended::PipesLeftOpen) => {
            let text = "The script ended, but a process it started still holds its output. Redirect the output of \
                        background processes, for example to /dev/null.";
            let note = Some((LogLevel::Warn, text.to_owned()));
            (0, ScriptStatus::PipesLeftOpen, note)
        }
        Ok(Ended::TimedOut) => {
            let note = Some((LogLevel::Error, too_long(script)));
            (UNKNOWN_EXIT_CODE, ScriptStatus::TimedOut, note)
        }
        Err(error) => {
            let text = format!("The script cannot be run: {error}");
            let note = Some((LogLevel::Error, text));
            (UNKNOWN_EXIT_CODE, ScriptStatus::ExitFailure, note)
        }
    })
}

pub(super) fn too_long(script: &Script) -> String {
    format!("The script was ended after {} s.", script.timeout)
}

/// One of a script's two outputs on its way to the file and the server.
struct Output {
    source: LogSourceId,
    level: LogLevel,
    file: LogFile,
    splitter: LineSplitter,
    last: LastLines,
    logs: LogQueue,
    clock: Arc<dyn Clock>,
}

impl Output {
    fn take(&mut self, bytes: &[u8]) {
        self.file.write(bytes);
        let now = self.clock.now();
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.push(bytes, |line| self.push(now, line));
        self.splitter = splitter;
    }

    fn push(&self, created_at: Timestamp, output: String) {
        self.last.push(&output);
        let log = Log {
            created_at,
            output,
            level: self.level,
        };
        self.logs.push(self.source, log);
    }
}

impl Drop for Output {
    /// The output has ended: what no line end completed is sent too.
    fn drop(&mut self) {
        if let Some(line) = self.splitter.finish() {
            self.push(self.clock.now(), line);
        }
    }
}

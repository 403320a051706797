//! Start scripts: each begins once, also when the agent is killed and started again meanwhile.

use std::time::Duration;

use coder_core::Timestamp;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::journal::{Journal, ScriptRun};
use super::{Ended, ScriptRunner};
use crate::protocol::{
    LogLevel, Script, ScriptCompleted, ScriptStage, ScriptStatus, UNKNOWN_EXIT_CODE,
};

const RESTARTED: &str = "The agent was killed while this script ran. The script goes on by itself, but what it prints \
                         from here on is lost.";
const UNKNOWN_END: &str = "The agent was killed while this script ran, so how it ended is not known. It is not run \
                           again before the workspace is started again.";

impl ScriptRunner {
    /// Runs all `scripts` at once, waits for those that an earlier agent began, and gives what became of all, each also
    /// to `report` as soon as it is known. Those ended by `cancel` are left out.
    pub(crate) async fn run_start_scripts<'a>(
        &self,
        scripts: impl Iterator<Item = &'a Script>,
        journal: &Journal,
        cancel: &CancellationToken,
        report: impl Fn(ScriptCompleted) + Sync,
    ) -> Vec<ScriptStatus> {
        let runs = scripts.map(|script| async {
            let completed = match journal.script(script.id) {
                None => {
                    journal.script_starts(script.id, self.clock.now());
                    let started = |process| journal.script_runs(script.id, process);
                    self.run(script, ScriptStage::Start, cancel, started)
                        .await?
                }
                Some(ScriptRun {
                    completed: Some(completed),
                    ..
                }) => completed,
                Some(run) => self.outlive(script, &run, cancel).await?,
            };
            journal.script_ended(&completed);
            let status = completed.status;
            report(completed);
            Some(status)
        });
        join_all(runs).await.into_iter().flatten().collect()
    }

    /// Waits for a script that an earlier agent began and could not see the end of.
    async fn outlive(
        &self,
        script: &Script,
        run: &ScriptRun,
        cancel: &CancellationToken,
    ) -> Option<ScriptCompleted> {
        let say = |level, text: &str| self.say(script.log_source_id, level, text);
        let limit =
            (script.timeout > 0).then(|| time_left(script, run.started_at, self.clock.now()));
        let ended = match run.process {
            Some(process) => {
                say(LogLevel::Warn, RESTARTED);
                process.wait(limit, cancel).await
            }
            None => None,
        };
        let status = match ended {
            Some(Ended::Cancelled) => return None,
            Some(Ended::TimedOut) => {
                say(LogLevel::Error, &super::runner::too_long(script));
                ScriptStatus::TimedOut
            }
            _ => {
                say(LogLevel::Error, UNKNOWN_END);
                ScriptStatus::ExitFailure
            }
        };
        Some(ScriptCompleted {
            script_id: script.id,
            start: run.started_at,
            end: self.clock.now(),
            exit_code: UNKNOWN_EXIT_CODE,
            stage: ScriptStage::Start,
            status,
            last_lines: UNKNOWN_END.to_owned(),
        })
    }
}

/// What is left of a script's time.
fn time_left(script: &Script, started_at: Timestamp, now: Timestamp) -> Duration {
    let used = (now - started_at).to_std().unwrap_or_default();
    Duration::from_secs(script.timeout).saturating_sub(used)
}

//! Scripts with a schedule.

use std::time::Duration;

use coder_core::Timestamp;
use coder_core::cron::Schedule;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::ScriptRunner;
use super::zone::Zone;
use crate::protocol::{LogLevel, Script, ScriptCompleted, ScriptStage};

/// How long is slept at once: the machine may sleep meanwhile, or its clock be set.
const NAP: Duration = Duration::from_secs(30);

impl ScriptRunner {
    /// Runs `script` by its schedule until `cancel`, one run at a time: what comes while it still runs is left out.
    /// `local` has the clocks of a schedule that names no time zone.
    pub(crate) async fn run_by_schedule(
        &self,
        script: &Script,
        local: &Zone,
        cancel: &CancellationToken,
        report: impl Fn(ScriptCompleted) + Sync,
    ) {
        let (schedule, zone) = match read(script, local) {
            Ok(read) => read,
            Err(error) => {
                let text = format!(
                    "The script never runs, its schedule {:?} is wrong: {error}.",
                    script.cron
                );
                self.say(script.log_source_id, LogLevel::Error, &text);
                return;
            }
        };
        let next = || schedule.next_after(self.clock.now(), |time| zone.offset(time));
        while let Some(due) = next() {
            tokio::select! {
                () = self.wait_until(due) => {}
                () = cancel.cancelled() => return,
            }
            let ended = self.run(script, ScriptStage::Cron, cancel, |_| {}).await;
            let Some(completed) = ended else { return };
            report(completed);
        }
        tracing::info!(script = %script.display_name, "schedule never comes again");
    }

    /// By the wall clock, also when that is set meanwhile.
    async fn wait_until(&self, due: Timestamp) {
        loop {
            let left = (due - self.clock.now()).to_std().unwrap_or_default();
            if left.is_zero() {
                return;
            }
            sleep(left.min(NAP)).await;
        }
    }
}

fn read(script: &Script, local: &Zone) -> Result<(Schedule, Zone), String> {
    let schedule = Schedule::parse_with_seconds(&script.cron)?;
    let zone = match schedule.zone() {
        Some(name) => Zone::named(name)?,
        None => local.clone(),
    };
    Ok((schedule, zone))
}

//! What is known of the start scripts beyond the life of one agent process.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coder_core::Timestamp;
use coder_core::id::{AgentRunId, ScriptId, WorkspaceAgentId};
use serde::{Deserialize, Serialize};

use super::leftover::Leftover;
use crate::platform::files::private_file;
use crate::protocol::{LifecycleReport, ScriptCompleted};

const FILE_NAME: &str = "start.json";

/// More than the scripts of any template need, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The record of one start phase, in a file of the agent's data folder. An agent that was killed and started again finds
/// there what its predecessor had begun, and does not begin it twice.
///
/// The file counts only for the same agent, which is one build, in the same life of the machine: when the machine was
/// started anew, what the scripts had started is gone, and they run again. An agent that ends in good order takes the
/// file away. Cheap to clone; all clones are one record.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    record: Arc<Mutex<Record>>,
    /// Whether nothing is to be written any more; looked at and changed under the lock of the record.
    forgotten: Arc<AtomicBool>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    agent_id: WorkspaceAgentId,
    life: String,
    run_id: AgentRunId,
    started_at: Timestamp,
    scripts: BTreeMap<ScriptId, ScriptRun>,
    ended: Option<LifecycleReport>,
}

/// What is known of one start script's run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScriptRun {
    /// When it began.
    pub(crate) started_at: Timestamp,
    /// Its process; unknown when the agent was killed at just that moment.
    pub(crate) process: Option<Leftover>,
    /// How it ended, once it has.
    pub(crate) completed: Option<ScriptCompleted>,
}

impl Journal {
    /// The record that `folder` has of the present start phase of `agent_id`, or else a new one under `run_id`, which
    /// begins `now`. `life` is that of the machine, `None` when no record can count.
    pub(crate) fn open(
        folder: &Path,
        agent_id: WorkspaceAgentId,
        life: Option<String>,
        run_id: AgentRunId,
        now: Timestamp,
    ) -> Self {
        let path = folder.join(FILE_NAME);
        let known = life.as_ref().and_then(|_| read(&path));
        let known = known
            .filter(|record| record.agent_id == agent_id && Some(&record.life) == life.as_ref());
        let record = known.unwrap_or_else(|| Record {
            agent_id,
            life: life.unwrap_or_default(),
            run_id,
            started_at: now,
            scripts: BTreeMap::new(),
            ended: None,
        });
        let record = Arc::new(Mutex::new(record));
        Self {
            path,
            record,
            forgotten: Arc::default(),
        }
    }

    /// The name of this start phase.
    pub(crate) fn run_id(&self) -> AgentRunId {
        self.lock().run_id
    }

    /// When this start phase began.
    pub(crate) fn started_at(&self) -> Timestamp {
        self.lock().started_at
    }

    /// With what the start phase ended, once it has.
    pub(crate) fn ended(&self) -> Option<LifecycleReport> {
        self.lock().ended
    }

    /// What is known of a script, if it was begun.
    pub(crate) fn script(&self, id: ScriptId) -> Option<ScriptRun> {
        self.lock().scripts.get(&id).cloned()
    }

    /// The start phase begins, or goes on.
    pub(crate) fn begin(&self) {
        self.save(&self.lock());
    }

    /// A script is about to be started. Noted before that happens, so that it is never started twice.
    pub(crate) fn script_starts(&self, id: ScriptId, started_at: Timestamp) {
        let run = ScriptRun {
            started_at,
            process: None,
            completed: None,
        };
        let mut record = self.lock();
        record.scripts.insert(id, run);
        self.save(&record);
    }

    /// A script runs as this process.
    pub(crate) fn script_runs(&self, id: ScriptId, process: u32) {
        let mut record = self.lock();
        if let Some(run) = record.scripts.get_mut(&id) {
            run.process = Leftover::of(process);
        }
        self.save(&record);
    }

    /// A script has ended.
    pub(crate) fn script_ended(&self, completed: &ScriptCompleted) {
        let mut record = self.lock();
        if let Some(run) = record.scripts.get_mut(&completed.script_id) {
            run.completed = Some(completed.clone());
        }
        self.save(&record);
    }

    /// The start phase has ended.
    pub(crate) fn phase_ended(&self, report: LifecycleReport) {
        let mut record = self.lock();
        record.ended = Some(report);
        self.save(&record);
    }

    /// The agent ends in good order: the next one begins anew.
    pub(crate) fn forget(&self) {
        let _record = self.lock();
        self.forgotten.store(true, Ordering::Relaxed);
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "record of start scripts cannot be removed");
            }
            _ => {}
        }
    }

    fn save(&self, record: &Record) {
        if self.forgotten.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = write(&self.path, record) {
            // The scripts run all the same; after a kill they will run again.
            let path = self.path.display();
            tracing::warn!(%path, %error, "record of start scripts cannot be written");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> Option<Record> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    let record = serde_json::from_str(&text);
    record
        .map_err(|error| tracing::warn!(%error, "record of start scripts cannot be read"))
        .ok()
}

/// Replaces the file at once, so that a killed agent leaves the old or the new one whole.
fn write(path: &Path, record: &Record) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = private_file()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&fresh)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    drop(file);
    fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{LifecycleState, ScriptStage, ScriptStatus};
    use uuid::Uuid;

    const AGENT: WorkspaceAgentId = WorkspaceAgentId(Uuid::from_u128(1));
    const SCRIPT: ScriptId = ScriptId(Uuid::from_u128(2));

    fn run_id(number: u128) -> AgentRunId {
        AgentRunId(Uuid::from_u128(number))
    }

    fn open(folder: &Path, agent: WorkspaceAgentId, life: Option<&str>, run: u128) -> Journal {
        let life = life.map(str::to_owned);
        Journal::open(folder, agent, life, run_id(run), Timestamp::default())
    }

    #[test]
    fn a_killed_agent_leaves_what_it_knew() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path(), AGENT, Some("a"), 1);
        journal.begin();
        journal.script_starts(SCRIPT, Timestamp::default());
        let found = open(folder.path(), AGENT, Some("a"), 2);
        assert_eq!(found.run_id(), run_id(1));
        assert_eq!(found.script(SCRIPT).unwrap().process, None);
        journal.script_runs(SCRIPT, std::process::id());
        let found = open(folder.path(), AGENT, Some("a"), 2);
        assert!(found.script(SCRIPT).unwrap().process.is_some());
        let completed = ScriptCompleted {
            script_id: SCRIPT,
            start: Timestamp::default(),
            end: Timestamp::default(),
            exit_code: 1,
            stage: ScriptStage::Start,
            status: ScriptStatus::ExitFailure,
            last_lines: "no".into(),
        };
        found.script_ended(&completed);
        let report = LifecycleReport {
            state: LifecycleState::StartError,
            changed_at: Timestamp::default(),
        };
        found.phase_ended(report);
        let found = open(folder.path(), AGENT, Some("a"), 3);
        assert_eq!(found.script(SCRIPT).unwrap().completed, Some(completed));
        assert_eq!(found.ended(), Some(report));
        assert_eq!(found.script(ScriptId(Uuid::nil())), None);
    }

    #[test]
    fn other_lives_other_agents_and_good_ends_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path(), AGENT, Some("a"), 1);
        journal.begin();
        journal.script_starts(SCRIPT, Timestamp::default());
        let other = WorkspaceAgentId(Uuid::from_u128(9));
        for (agent, life) in [(AGENT, Some("b")), (other, Some("a")), (AGENT, None)] {
            let found = open(folder.path(), agent, life, 2);
            assert_eq!(found.run_id(), run_id(2));
            assert_eq!(found.script(SCRIPT), None);
        }
        journal.forget();
        journal.forget();
        journal.script_starts(SCRIPT, Timestamp::default());
        let found = open(folder.path(), AGENT, Some("a"), 2);
        assert_eq!(found.run_id(), run_id(2));
        fs::write(folder.path().join(FILE_NAME), "{").unwrap();
        let found = open(folder.path(), AGENT, Some("a"), 3);
        assert_eq!(found.run_id(), run_id(3));
    }

    #[test]
    fn an_unwritable_place_is_no_failure() {
        open(Path::new("/proc/no"), AGENT, Some("a"), 1).begin();
    }
}

use super::batch;
use coder_core::{
    Error, ErrorKind,
    id::WorkspaceAgentId,
    service::{
        Deps,
        agents::{Agents, StatsReport},
    },
    workspace_agent::MetadataUpdate,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Reports of each kind that may wait to be written.
const QUEUE: usize = 16_384;
/// Metadata that may wait to be written, in KiB.
const METADATA_KIB: usize = 16 * 1024;

/// Writes down what agents tell all the time, together. Cheap to clone.
#[derive(Clone)]
pub struct AgentWrites(Arc<Inner>);

struct Inner {
    agents: Agents,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    metadata_room: Arc<Semaphore>,
    /// Begun with the first use, which is on a runtime.
    queues: OnceLock<Queues>,
}

struct Queues {
    metadata: mpsc::Sender<Measured>,
    stats: mpsc::Sender<StatsReport>,
}

struct Measured {
    agent: WorkspaceAgentId,
    updates: Vec<MetadataUpdate>,
    _room: OwnedSemaphorePermit,
}

impl AgentWrites {
    /// Over `deps`; the writing ends with `shutdown` and is one of `tasks`.
    #[must_use]
    pub fn new(deps: Deps, tasks: TaskTracker, shutdown: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            agents: Agents::new(deps),
            tasks,
            shutdown,
            metadata_room: Arc::new(Semaphore::new(METADATA_KIB)),
            queues: OnceLock::new(),
        }))
    }

    /// Stores what an agent measured, soon.
    ///
    /// # Errors
    /// As [`Agents::check_metadata`]; [`Unavailable`](ErrorKind::Unavailable) when too much waits.
    pub fn metadata(
        &self,
        agent: WorkspaceAgentId,
        updates: Vec<MetadataUpdate>,
    ) -> Result<(), Error> {
        let updates = self.0.agents.check_metadata(updates)?;
        let texts = updates
            .iter()
            .map(|one| one.key.len() + one.value.len() + one.error.len());
        let kib = u32::try_from(texts.sum::<usize>() / 1_024 + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.0.metadata_room).try_acquire_many_owned(kib);
        let measured = Measured {
            agent,
            updates,
            _room: room.map_err(|_| busy())?,
        };
        self.queues()
            .metadata
            .try_send(measured)
            .map_err(|_| busy())
    }

    /// Stores a report of use, soon.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) when too many wait.
    pub fn stats(&self, report: StatsReport) -> Result<(), Error> {
        self.queues().stats.try_send(report).map_err(|_| busy())
    }

    fn queues(&self) -> &Queues {
        self.0.queues.get_or_init(|| {
            let (metadata, to_store) = mpsc::channel(QUEUE);
            let (stats, to_count) = mpsc::channel(QUEUE);
            let Inner {
                agents,
                tasks,
                shutdown,
                ..
            } = &*self.0;
            let (storing, counting) = (agents.clone(), agents.clone());
            let stop = || shutdown.clone();
            tasks.spawn(batch::run(to_store, stop(), move |measured| {
                store(storing.clone(), measured)
            }));
            tasks.spawn(batch::run(to_count, stop(), move |reports| {
                count(counting.clone(), reports)
            }));
            Queues { metadata, stats }
        })
    }
}

impl std::fmt::Debug for AgentWrites {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentWrites").finish_non_exhaustive()
    }
}

async fn store(agents: Agents, measured: Vec<Measured>) {
    // Of several values of a key the newest is kept.
    let mut newest = BTreeMap::new();
    for Measured { agent, updates, .. } in &measured {
        for update in updates {
            newest.insert((*agent, update.key.as_str()), update);
        }
    }
    let updates = newest
        .into_iter()
        .map(|((agent, _), update)| (agent, update.clone()));
    let updates: Vec<_> = updates.collect();
    if let Err(error) = agents.store_metadata(&updates).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            values = updates.len(),
            "metadata lost"
        );
    }
}

async fn count(agents: Agents, reports: Vec<StatsReport>) {
    if let Err(error) = agents.store_stats(&reports).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            reports = reports.len(),
            "stats lost"
        );
    }
}

fn busy() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "The server cannot take this now, try again later.",
    )
}

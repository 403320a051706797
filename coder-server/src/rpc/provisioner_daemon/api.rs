use super::{
    acquired,
    bells::{Bell, Bells},
    error::to_daemon,
    found,
};
use async_trait::async_trait;
use coder_core::{
    Error,
    provisioner_daemon::ProvisionerDaemon,
    service::{
        Deps,
        daemons::{DaemonIdentity, Daemons},
        jobs::{BuildResult, Claim, ImportResult, JobFailure, JobResult, JobUpdate, Jobs},
    },
};
use coder_provisioner::{
    ACQUIRE_TIMEOUT, ProvisionerDaemonApi, Result,
    protocol::{
        AcquiredJob, CompletedJob, CompletedJobKind, FailedJob, ReleasedJob, UpdateJob,
        UpdateJobResponse,
    },
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How often the queue is looked at without an event, because events may get lost.
const POLL: Duration = Duration::from_secs(5);
/// How long a daemon waits for a job in one call, so that it hears "none" before it gives up.
const WAIT: Duration = ACQUIRE_TIMEOUT.saturating_sub(Duration::from_secs(5));

/// What daemons are told about the deployment.
#[derive(Clone, Debug, Default)]
pub struct DaemonSettings {
    /// The URL under which workspaces reach this server, without a slash at the end.
    pub access_url: String,
    /// Agent bootstrap scripts by `<os>_<arch>`.
    pub agent_scripts: BTreeMap<String, String>,
}

/// The server's side of one daemon, for daemons in this process and behind connections.
#[derive(Clone, Debug)]
pub struct DaemonApi {
    deps: Deps,
    settings: DaemonSettings,
    daemon: ProvisionerDaemon,
    jobs: Jobs,
    bell: Arc<Bell>,
}

impl DaemonApi {
    /// Lets a daemon join and answers its side of the server.
    ///
    /// # Errors
    /// [`Unavailable`](coder_core::ErrorKind::Unavailable).
    pub async fn join(
        deps: Deps,
        settings: DaemonSettings,
        bells: &Bells,
        identity: &DaemonIdentity,
    ) -> Result<Self, Error> {
        let daemon = Daemons::new(deps.clone()).register(identity).await?;
        let bell = bells.of(&*deps.pubsub, &daemon).await?;
        Ok(Self {
            jobs: Jobs::new(deps.clone()),
            deps,
            settings,
            daemon,
            bell,
        })
    }

    /// The daemon.
    #[must_use]
    pub const fn daemon(&self) -> &ProvisionerDaemon {
        &self.daemon
    }
}

#[async_trait]
impl ProvisionerDaemonApi for DaemonApi {
    async fn acquire_job(&self, cancel: &CancellationToken) -> Result<Option<AcquiredJob>> {
        let deadline = Instant::now() + WAIT;
        while !cancel.is_cancelled() {
            let acquired = self.jobs.acquire(&self.daemon).await;
            if !matches!(acquired, Ok(None)) {
                // There may be more, or somebody else has more luck.
                self.bell.ring();
            }
            if let Some(job) = acquired.map_err(to_daemon)? {
                return Ok(Some(acquired::to_daemon(job, &self.settings)));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            let next_look = deadline.min(Instant::now() + POLL);
            tokio::select! {
                () = cancel.cancelled() => return Ok(None),
                () = sleep_until(next_look) => {}
                () = self.bell.rung() => {}
            }
        }
        Ok(None)
    }

    async fn update_job(&self, update: UpdateJob) -> Result<UpdateJobResponse> {
        let claim = Claim {
            job_id: update.job_id,
            lease: update.lease,
        };
        let update = JobUpdate {
            logs: update.logs.into_iter().map(found::log).collect(),
            variables: update
                .template_variables
                .map(|variables| variables.into_iter().map(found::variable).collect()),
            readme: update.readme,
            workspace_tags: update.workspace_tags,
            state: update.state.map(Vec::from),
        };
        let answer = self.jobs.update(claim, &update).await.map_err(to_daemon)?;
        Ok(UpdateJobResponse {
            canceled: answer.canceled,
            variable_values: answer.variable_values,
        })
    }

    async fn complete_job(&self, completed: CompletedJob) -> Result<()> {
        let claim = Claim {
            job_id: completed.job_id,
            lease: completed.lease,
        };
        let result = match completed.kind {
            CompletedJobKind::TemplateImport(result) => JobResult::Import(ImportResult {
                start_resources: found::resources(result.start_resources)?,
                stop_resources: found::resources(result.stop_resources)?,
                parameters: result.rich_parameters,
                presets: result.presets.into_iter().map(found::preset).collect(),
                external_auth_providers: result.external_auth_providers,
                module_files: result.module_files.map(Vec::from),
            }),
            CompletedJobKind::TemplateDryRun { resources } => {
                JobResult::DryRun(found::resources(resources)?)
            }
            CompletedJobKind::WorkspaceBuild(result) => JobResult::Build(BuildResult {
                state: result.state.into(),
                resources: found::resources(result.resources)?,
                timings: result.timings.into_iter().map(found::timing).collect(),
            }),
        };
        self.jobs.complete(claim, &result).await.map_err(to_daemon)
    }

    async fn fail_job(&self, failed: FailedJob) -> Result<()> {
        let claim = Claim {
            job_id: failed.job_id,
            lease: failed.lease,
        };
        let failure = JobFailure {
            error: failed.error,
            error_code: failed.error_code,
            canceled: failed.canceled,
            state: failed.state.map(Vec::from),
            timings: failed.timings.into_iter().map(found::timing).collect(),
        };
        self.jobs.fail(claim, &failure).await.map_err(to_daemon)
    }

    async fn release_job(&self, released: ReleasedJob) -> Result<()> {
        let claim = Claim {
            job_id: released.job_id,
            lease: released.lease,
        };
        let release = self.jobs.release(claim, released.only_unheard);
        release.await.map_err(to_daemon)
    }

    async fn heartbeat(&self) -> Result<()> {
        let daemons = Daemons::new(self.deps.clone());
        daemons.heartbeat(self.daemon.id).await.map_err(to_daemon)
    }
}

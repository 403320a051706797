use super::{
    Claim, FoundResource, JobFailure, Jobs, announce, claimed, found, found::Place, lease_lost,
    session_token,
};
use crate::{
    Error, ErrorKind, Result, Timestamp,
    clock::Entropy,
    file::{File, TAR},
    id::{FileId, TemplateVersionId, TemplateVersionPresetId, WorkspaceBuildId},
    parameter::RichParameter,
    provisioner_job::{JobInput, JobTiming, ProvisionerJob},
    schedule,
    service::{files, unit::settle},
    store::{JobEnd, StoreError, Transaction},
    template::Template,
    template_version::{ExternalAuthProvider, TemplateVersionPreset},
    workspace::Workspace,
    workspace_build::{WorkspaceBuild, WorkspaceTransition},
    workspace_resource::EXTERNAL_AGENT,
};

/// Most parameters of one template.
const MAX_PARAMETERS: usize = 1_000;
/// Most presets of one template, and most external logins.
const MAX_PRESETS: usize = 1_000;

/// Largest archive of modules, in bytes.
const MAX_MODULE_FILES_BYTES: usize = 20 * 1024 * 1024;

/// What a job that ended well gave.
#[derive(Clone, Debug)]
pub enum JobResult {
    /// Of an import.
    Import(ImportResult),
    /// Of a dry run: what would exist.
    DryRun(Vec<FoundResource>),
    /// Of a build.
    Build(BuildResult),
}

/// What an import found.
#[derive(Clone, Default)]
pub struct ImportResult {
    /// What a running workspace has.
    pub start_resources: Vec<FoundResource>,
    /// What a stopped workspace has.
    pub stop_resources: Vec<FoundResource>,
    /// Parameters in order of appearance.
    pub parameters: Vec<RichParameter>,
    /// Presets in order of appearance; their identifiers are given here.
    pub presets: Vec<TemplateVersionPreset>,
    /// External logins by id.
    pub external_auth_providers: Vec<ExternalAuthProvider>,
    /// Modules to keep for builds, as a tar archive.
    pub module_files: Option<Vec<u8>>,
}

impl std::fmt::Debug for ImportResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportResult")
            .field("start_resources", &self.start_resources.len())
            .field("stop_resources", &self.stop_resources.len())
            .field("parameters", &self.parameters.len())
            .field("presets", &self.presets.len())
            .field("module_bytes", &self.module_files.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}

/// What a build made.
#[derive(Clone, Default)]
pub struct BuildResult {
    /// New Terraform state.
    pub state: Vec<u8>,
    /// What exists now.
    pub resources: Vec<FoundResource>,
    /// Durations.
    pub timings: Vec<JobTiming>,
}

impl std::fmt::Debug for BuildResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildResult")
            .field("state_bytes", &self.state.len())
            .field("resources", &self.resources.len())
            .finish_non_exhaustive()
    }
}

impl Jobs {
    /// Closes a job with its result, in one transaction. A result that cannot be stored fails the job and
    /// keeps the state, so that nothing that exists is forgotten.
    ///
    /// # Errors
    /// [`PreconditionFailed`](ErrorKind::PreconditionFailed) when the claim is lost; nothing was kept
    /// then. [`Unavailable`](ErrorKind::Unavailable).
    pub async fn complete(&self, claim: Claim, result: &JobResult) -> Result<()> {
        let mut tx = self.deps.begin().await?;
        let mut completed = self.complete_in(tx.as_mut(), claim, result).await;
        completed = settle(tx, completed).await;
        if completed.as_ref().is_err_and(met_same_file) {
            let mut tx = self.deps.begin().await?;
            completed = self.complete_in(tx.as_mut(), claim, result).await;
            completed = settle(tx, completed).await;
        }
        match completed {
            Ok(()) => Ok(()),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::PreconditionFailed | ErrorKind::Unavailable
                ) =>
            {
                Err(error)
            }
            Err(error) => {
                tracing::warn!(job_id = %claim.job_id, error = &error as &dyn std::error::Error, "result refused");
                let (state, timings) = match result {
                    JobResult::Build(build) => (Some(build.state.clone()), build.timings.clone()),
                    JobResult::Import(_) | JobResult::DryRun(_) => (None, Vec::new()),
                };
                let failure = JobFailure {
                    error: format!("The result could not be stored: {error}"),
                    state,
                    timings,
                    ..JobFailure::default()
                };
                self.fail(claim, &failure).await
            }
        }
    }

    async fn complete_in(
        &self,
        tx: &mut dyn Transaction,
        claim: Claim,
        result: &JobResult,
    ) -> Result<()> {
        let job = claimed(tx, claim).await?;
        let now = self.deps.now();
        let end = JobEnd {
            done: true,
            ..JobEnd::default()
        };
        if !tx
            .provisioner_jobs()
            .finish(job.id, Some(claim.lease), &end, now)
            .await?
        {
            return Err(lease_lost());
        }
        let start = WorkspaceTransition::Start;
        let entropy = &*self.deps.entropy;
        let workspace = match (&job.input, result) {
            (JobInput::TemplateVersionImport { .. }, JobResult::Import(found)) => {
                self.complete_import(tx, &job, found, now).await?;
                None
            }
            (JobInput::TemplateVersionDryRun { .. }, JobResult::DryRun(resources)) => {
                let place = Place {
                    job: job.id,
                    transition: start,
                    exist: false,
                    now,
                };
                found::store(tx, entropy, place, resources).await?;
                None
            }
            (
                JobInput::WorkspaceBuild {
                    workspace_build_id, ..
                },
                JobResult::Build(made),
            ) => Some(
                self.complete_build(tx, &job, *workspace_build_id, made, now)
                    .await?,
            ),
            _ => return Err(Error::invalid("the result is of another kind than the job")),
        };
        announce(tx, job.id, workspace.as_ref()).await
    }

    async fn complete_import(
        &self,
        tx: &mut dyn Transaction,
        job: &ProvisionerJob,
        result: &ImportResult,
        now: Timestamp,
    ) -> Result<()> {
        let JobInput::TemplateVersionImport {
            template_version_id,
            ..
        } = job.input
        else {
            return Err(Error::internal("not an import"));
        };
        if result.parameters.len() > MAX_PARAMETERS {
            return Err(Error::invalid("the template has too many parameters"));
        }
        tx.template_versions()
            .set_parameters(template_version_id, &result.parameters)
            .await?;
        let mut resources = result.start_resources.iter();
        if resources.any(|found| found.resource.kind == EXTERNAL_AGENT)
            && let Some(mut version) = tx.template_versions().get(template_version_id).await?
        {
            version.has_external_agent = true;
            tx.template_versions().update(&version).await?;
        }
        let entropy = &*self.deps.entropy;
        let module_files = keep_modules(tx, entropy, job, result, now).await?;
        set_values(tx, entropy, template_version_id, result, module_files).await?;
        for (transition, resources) in [
            (WorkspaceTransition::Start, &result.start_resources),
            (WorkspaceTransition::Stop, &result.stop_resources),
        ] {
            let place = Place {
                job: job.id,
                transition,
                exist: false,
                now,
            };
            found::store(tx, entropy, place, resources).await?;
        }
        Ok(())
    }

    async fn complete_build(
        &self,
        tx: &mut dyn Transaction,
        job: &ProvisionerJob,
        build: WorkspaceBuildId,
        made: &BuildResult,
        now: Timestamp,
    ) -> Result<Workspace> {
        let missing = || Error::internal("a build lacks its workspace or template");
        let mut build = tx
            .workspace_builds()
            .get(build)
            .await?
            .ok_or_else(missing)?;
        let workspace = tx.workspaces().get_for_update(build.workspace_id).await?;
        let mut workspace = workspace.ok_or_else(missing)?;
        let template = tx
            .templates()
            .get(workspace.template_id)
            .await?
            .ok_or_else(missing)?;

        tx.workspace_builds()
            .set_state(build.id, &made.state)
            .await?;
        // Before the new ones are written: a token may be the same as that of the build before.
        tx.workspace_agents()
            .delete_of_earlier_builds(workspace.id)
            .await?;
        let entropy = &*self.deps.entropy;
        let place = Place {
            job: job.id,
            transition: build.transition,
            exist: true,
            now,
        };
        found::store(tx, entropy, place, &made.resources).await?;
        tx.provisioner_jobs()
            .append_timings(job.id, &made.timings)
            .await?;

        let costs = made.resources.iter().map(|found| found.resource.daily_cost);
        build.daily_cost = costs.fold(0, i32::saturating_add);
        build.deadline = deadline(&template, &workspace, &build, now);
        build.updated_at = now;
        tx.workspace_builds().update(&build).await?;
        if build.transition == WorkspaceTransition::Delete {
            workspace.deleted = true;
            workspace.updated_at = now;
            tx.workspaces().update(&workspace).await?;
            session_token::revoke(tx, &workspace).await?;
        }
        Ok(workspace)
    }
}

/// Writes down what a version offers and asks for beside its parameters.
async fn set_values(
    tx: &mut dyn Transaction,
    entropy: &dyn Entropy,
    version: TemplateVersionId,
    found: &ImportResult,
    module_files: Option<FileId>,
) -> Result<()> {
    if found.presets.len() > MAX_PRESETS || found.external_auth_providers.len() > MAX_PRESETS {
        let message = "the template has too many presets or external logins";
        return Err(Error::invalid(message));
    }
    let preset = |preset: &TemplateVersionPreset| TemplateVersionPreset {
        id: TemplateVersionPresetId::generate(entropy),
        template_version_id: version,
        ..preset.clone()
    };
    let presets: Vec<_> = found.presets.iter().map(preset).collect();
    let versions = tx.template_versions();
    versions.insert_presets(&presets).await?;
    let mut values = versions.terraform_values(version).await?;
    values
        .external_auth_providers
        .clone_from(&found.external_auth_providers);
    values.module_files = module_files;
    versions.set_terraform_values(version, &values).await?;
    Ok(())
}

/// Whether another import kept the same modules meanwhile; the next try finds them.
fn met_same_file(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    let source = source.and_then(|source| source.downcast_ref::<StoreError>());
    source.is_some_and(|error| error.is_conflict_with("files_hash_created_by_key"))
}

/// Keeps the modules of an import, once for all versions of its author that have the same ones.
async fn keep_modules(
    tx: &mut dyn Transaction,
    entropy: &dyn Entropy,
    job: &ProvisionerJob,
    found: &ImportResult,
    now: Timestamp,
) -> Result<Option<FileId>> {
    let Some(data) = &found.module_files else {
        return Ok(None);
    };
    if data.len() > MAX_MODULE_FILES_BYTES {
        return Err(Error::invalid("the modules of the template are too large"));
    }
    let hash = files::hash(data);
    if let Some(known) = tx.files().find(&hash, job.initiator_id).await? {
        return Ok(Some(known));
    }
    let file = File {
        id: FileId::generate(entropy),
        hash,
        created_by: job.initiator_id,
        created_at: now,
        mimetype: TAR.to_owned(),
        data: data.clone(),
    };
    tx.files().insert(&file).await?;
    Ok(Some(file.id))
}

/// When a workspace started now stops: by its own time, else by the template's where users have no say.
fn deadline(
    template: &Template,
    workspace: &Workspace,
    build: &WorkspaceBuild,
    now: Timestamp,
) -> Option<Timestamp> {
    if build.transition != WorkspaceTransition::Start {
        return None;
    }
    now.checked_add_signed(schedule::time_to_live(&template.policy, workspace)?)
}

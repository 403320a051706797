use super::{Jobs, announce, session_token};
use crate::{
    Error, ErrorKind, Result, Timestamp,
    event::Event,
    git_ssh_key::GitSshKey,
    id::LeaseId,
    parameter::ParameterValue,
    provisioner_daemon::ProvisionerDaemon,
    provisioner_job::{JobInput, ProvisionerJob},
    secret::Secret,
    service::{
        git_ssh_keys,
        provisioner_keys::{key_exists, refused},
        unit::{ATTEMPTS, met_another, settle},
    },
    store::{ClaimJob, JobEnd, Transaction},
    template::Template,
    template_version::{TemplateVersion, TemplateVersionVariable, VariableValue},
    user::User,
    workspace::Workspace,
    workspace_build::{WorkspaceBuild, WorkspaceTransition},
};

/// A job given to a daemon, with all it needs.
#[derive(Clone)]
pub struct AcquiredJob {
    /// The job.
    pub job: ProvisionerJob,
    /// Names the claim in every later call.
    pub lease: LeaseId,
    /// Who asked for it, empty when not known any more.
    pub initiator_name: String,
    /// The template as a tar archive.
    pub archive: Vec<u8>,
    /// The modules that its import fetched, as a tar archive.
    pub module_files: Option<Vec<u8>>,
    /// What to do.
    pub work: Work,
}

impl std::fmt::Debug for AcquiredJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AcquiredJob")
            .field("job", &self.job.id)
            .field("archive_bytes", &self.archive.len())
            .finish_non_exhaustive()
    }
}

/// What a daemon does.
#[derive(Clone, Debug)]
pub enum Work {
    /// Reads a new template version.
    Import(Box<ImportWork>),
    /// Plans a version.
    DryRun(Box<DryRunWork>),
    /// Builds a workspace.
    Build(Box<BuildWork>),
}

/// What an import needs.
#[derive(Clone, Debug)]
pub struct ImportWork {
    /// The version.
    pub version: TemplateVersion,
    /// Its template, if it has one already.
    pub template: Option<Template>,
    /// Values given at push.
    pub user_variable_values: Vec<VariableValue>,
}

/// What a dry run needs.
#[derive(Clone, Debug)]
pub struct DryRunWork {
    /// The version.
    pub version: TemplateVersion,
    /// Its template, if it has one already.
    pub template: Option<Template>,
    /// Name of the imagined workspace.
    pub workspace_name: String,
    /// Values to plan with.
    pub parameters: Vec<ParameterValue>,
    /// Values of the version's variables.
    pub variables: Vec<VariableValue>,
}

/// What a build needs.
#[derive(Clone)]
pub struct BuildWork {
    /// The build.
    pub build: WorkspaceBuild,
    /// What it builds.
    pub workspace: Workspace,
    /// From what.
    pub template: Template,
    /// From which version.
    pub version: TemplateVersion,
    /// Whose workspace it is.
    pub owner: User,
    /// Names of the owner's roles in the workspace's organization, beside [`User::roles`].
    pub owner_organization_roles: Vec<String>,
    /// Values chosen for this build.
    pub parameters: Vec<ParameterValue>,
    /// Values of the build before.
    pub previous_parameters: Vec<ParameterValue>,
    /// Values of the version's variables.
    pub variables: Vec<VariableValue>,
    /// Terraform state to begin from.
    pub state: Vec<u8>,
    /// The owner's key pair for Git hosts.
    pub owner_ssh_key: GitSshKey,
    /// A key of the owner for the workspace to hold; only for a start.
    pub session_token: Option<Secret>,
    /// Whether to log in detail.
    pub debug_logs: bool,
}

impl std::fmt::Debug for BuildWork {
    /// Leaves out the state and the values, which may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BuildWork")
            .field("build", &self.build.id)
            .field("transition", &self.build.transition)
            .field("state_bytes", &self.state.len())
            .finish_non_exhaustive()
    }
}

impl Jobs {
    /// Claims the oldest job that fits a daemon, if there is one. A job that cannot be carried out, because
    /// something it needs is gone, is failed here and the next one tried.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable), [`Unauthenticated`](ErrorKind::Unauthenticated) when the key
    /// with which the daemon joined is gone.
    pub async fn acquire(&self, daemon: &ProvisionerDaemon) -> Result<Option<AcquiredJob>> {
        let mut attempt = 1;
        loop {
            let mut tx = self.deps.begin().await?;
            let acquired = self.acquire_in(tx.as_mut(), daemon).await;
            match settle(tx, acquired).await {
                Err(error) if met_another(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
                Ok(Claimed::Nothing) => return Ok(None),
                Ok(Claimed::Broken) => {}
                Ok(Claimed::Job(job)) => return Ok(Some(*job)),
            }
        }
    }

    async fn acquire_in(
        &self,
        tx: &mut dyn Transaction,
        daemon: &ProvisionerDaemon,
    ) -> Result<Claimed> {
        if !key_exists(tx, daemon.key_id).await? {
            return Err(refused());
        }
        let now = self.deps.now();
        let claim = ClaimJob {
            organization_id: daemon.organization_id,
            provisioners: daemon.provisioners.clone(),
            tags: daemon.tags.clone(),
            worker_id: daemon.id,
            lease: LeaseId::generate(&*self.deps.entropy),
            now,
        };
        let Some(job) = tx.provisioner_jobs().claim(&claim).await? else {
            return Ok(Claimed::Nothing);
        };
        let job_id = job.id;
        match self.assemble(tx, job, claim.lease, now).await {
            Ok(acquired) => {
                let workspace = match &acquired.work {
                    Work::Build(work) => Some(&work.workspace),
                    Work::Import(_) | Work::DryRun(_) => None,
                };
                announce(tx, job_id, workspace).await?;
                Ok(Claimed::Job(Box::new(acquired)))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                tracing::warn!(%job_id, %error, "job cannot be carried out");
                let end = JobEnd {
                    error: Some(error.message().to_owned()),
                    ..JobEnd::default()
                };
                tx.provisioner_jobs()
                    .finish(job_id, Some(claim.lease), &end, now)
                    .await?;
                tx.publish(Event::JobUpdated { job_id }).await?;
                Ok(Claimed::Broken)
            }
            Err(error) => Err(error),
        }
    }

    async fn assemble(
        &self,
        tx: &mut dyn Transaction,
        job: ProvisionerJob,
        lease: LeaseId,
        now: Timestamp,
    ) -> Result<AcquiredJob> {
        let archive = tx.files().get(job.file_id).await?;
        let archive = archive.ok_or_else(|| gone("archive"))?.data;
        let initiator = tx.users().get(job.initiator_id).await?;
        let work = match &job.input {
            JobInput::TemplateVersionImport {
                template_version_id,
                user_variable_values,
            } => {
                let (version, template) = version_of(tx, *template_version_id).await?;
                let user_variable_values = user_variable_values.clone();
                Work::Import(Box::new(ImportWork {
                    version,
                    template,
                    user_variable_values,
                }))
            }
            JobInput::TemplateVersionDryRun {
                template_version_id,
                workspace_name,
                rich_parameter_values,
            } => {
                let (version, template) = version_of(tx, *template_version_id).await?;
                let variables = variables_of(tx, &version).await?;
                Work::DryRun(Box::new(DryRunWork {
                    version,
                    template,
                    workspace_name: workspace_name.clone(),
                    parameters: rich_parameter_values.clone(),
                    variables,
                }))
            }
            JobInput::WorkspaceBuild {
                workspace_build_id,
                debug_logs,
            } => {
                let build = tx.workspace_builds().get(*workspace_build_id).await?;
                let build = build.ok_or_else(|| gone("workspace build"))?;
                Work::Build(Box::new(
                    self.build_work(tx, build, *debug_logs, now).await?,
                ))
            }
        };
        let module_files = modules_of(tx, &work).await?;
        Ok(AcquiredJob {
            module_files,
            lease,
            initiator_name: initiator.map(|user| user.username).unwrap_or_default(),
            archive,
            work,
            job,
        })
    }

    async fn build_work(
        &self,
        tx: &mut dyn Transaction,
        build: WorkspaceBuild,
        debug_logs: bool,
        now: Timestamp,
    ) -> Result<BuildWork> {
        let workspace = tx.workspaces().get(build.workspace_id).await?;
        let workspace = workspace.ok_or_else(|| gone("workspace"))?;
        let (version, template) = version_of(tx, build.template_version_id).await?;
        let template = template.ok_or_else(|| gone("template"))?;
        let owner = tx
            .users()
            .get(workspace.owner_id)
            .await?
            .ok_or_else(|| gone("owner"))?;
        let member = tx
            .organizations()
            .member(workspace.organization_id, owner.id)
            .await?;
        let before = build.build_number.saturating_sub(1);
        let before = tx
            .workspace_builds()
            .by_number(workspace.id, before)
            .await?;
        let previous_parameters = match before {
            Some(before) => tx.workspace_builds().parameters(before.id).await?,
            None => Vec::new(),
        };
        let starts = build.transition == WorkspaceTransition::Start;
        let session_token = if starts {
            Some(session_token::renew(tx, &*self.deps.entropy, &workspace, now).await?)
        } else {
            session_token::revoke(tx, &workspace).await?;
            None
        };
        Ok(BuildWork {
            owner_ssh_key: git_ssh_keys::of_user(&self.deps, tx, owner.id).await?,
            parameters: tx.workspace_builds().parameters(build.id).await?,
            variables: variables_of(tx, &version).await?,
            state: tx.workspace_builds().state(build.id).await?,
            owner_organization_roles: member.map(|member| member.roles).unwrap_or_default(),
            previous_parameters,
            session_token,
            debug_logs,
            build,
            workspace,
            template,
            version,
            owner,
        })
    }
}

/// What a look into the queue gave.
enum Claimed {
    Nothing,
    /// A job that was failed at once.
    Broken,
    Job(Box<AcquiredJob>),
}

async fn version_of(
    tx: &mut dyn Transaction,
    id: crate::id::TemplateVersionId,
) -> Result<(TemplateVersion, Option<Template>)> {
    let version = tx.template_versions().get(id).await?;
    let version = version.ok_or_else(|| gone("template version"))?;
    let template = match version.template_id {
        Some(template) => tx.templates().get(template).await?,
        None => None,
    };
    Ok((version, template))
}

/// The modules kept with the version that is planned or built.
async fn modules_of(tx: &mut dyn Transaction, work: &Work) -> Result<Option<Vec<u8>>> {
    let version = match work {
        Work::Import(_) => return Ok(None),
        Work::DryRun(run) => run.version.id,
        Work::Build(build) => build.version.id,
    };
    let values = tx.template_versions().terraform_values(version).await?;
    let Some(file) = values.module_files else {
        return Ok(None);
    };
    Ok(tx.files().get(file).await?.map(|file| file.data))
}

/// The values to hand to Terraform. Defaults are left to it, since text cannot say every default.
async fn variables_of(
    tx: &mut dyn Transaction,
    version: &TemplateVersion,
) -> Result<Vec<VariableValue>> {
    let variables = tx.template_versions().variables(version.id).await?;
    Ok(variables
        .into_iter()
        .filter(is_given)
        .map(value_of)
        .collect())
}

pub(super) fn is_given(variable: &TemplateVersionVariable) -> bool {
    variable.required || variable.value.expose() != variable.default_value
}

pub(super) fn value_of(variable: TemplateVersionVariable) -> VariableValue {
    VariableValue {
        name: variable.name,
        value: variable.value,
    }
}

fn gone(what: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("The {what} of this job does not exist any more."),
    )
}

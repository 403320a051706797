use super::{
    Claim, Jobs,
    acquire::{is_given, value_of},
    announce, claimed, lease_lost,
};
use crate::{
    Error, Result, Timestamp,
    event::Event,
    log_line,
    provisioner_job::{JobErrorCode, JobInput, JobLog, LogLevel, LogSource, ProvisionerJob},
    secret::Secret,
    service::unit::settle,
    store::{JobEnd, Transaction},
    template_version::{TemplateVersionVariable, VariableValue},
    workspace_tags::WorkspaceTagExpressions,
};

/// Most log lines of one update.
pub const MAX_LOG_BATCH_LINES: usize = 1_000;
/// Most variables of one template.
const MAX_VARIABLES: usize = 1_000;
/// Longest README that is kept, in bytes.
const MAX_README_BYTES: usize = 1024 * 1024;
/// Longest name of a stage, in bytes.
const MAX_STAGE_BYTES: usize = 256;

/// Progress of a job.
#[derive(Clone, Default)]
pub struct JobUpdate {
    /// New log lines in order; their ids are ignored.
    pub logs: Vec<JobLog>,
    /// Variables of the template that is imported; their values are ignored.
    pub variables: Option<Vec<TemplateVersionVariable>>,
    /// README of the template that is imported.
    pub readme: Option<String>,
    /// Tags of the template that is imported, as written.
    pub workspace_tags: Option<WorkspaceTagExpressions>,
    /// Terraform state of the workspace as it is now.
    pub state: Option<Vec<u8>>,
}

impl std::fmt::Debug for JobUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobUpdate")
            .field("logs", &self.logs.len())
            .field("state_bytes", &self.state.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}

/// The answer to an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateAnswer {
    /// Whether somebody asked for a cancel.
    pub canceled: bool,
    /// Values of the variables that were sent.
    pub variable_values: Vec<VariableValue>,
}

impl Jobs {
    /// Stores progress and renews the lease.
    ///
    /// # Errors
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) when the claim is lost; nothing was
    /// kept then. [`InvalidInput`](crate::ErrorKind::InvalidInput) for too much at once.
    pub async fn update(&self, claim: Claim, update: &JobUpdate) -> Result<UpdateAnswer> {
        if update.logs.len() > MAX_LOG_BATCH_LINES {
            return Err(Error::invalid("too many log lines in one update"));
        }
        let mut tx = self.deps.begin().await?;
        let updated = self.update_in(tx.as_mut(), claim, update).await;
        // A job that lacks values was failed, and that must stay; only then its daemon is told.
        settle(tx, updated).await?.ok_or_else(lease_lost)
    }

    async fn update_in(
        &self,
        tx: &mut dyn Transaction,
        claim: Claim,
        update: &JobUpdate,
    ) -> Result<Option<UpdateAnswer>> {
        let now = self.deps.now();
        // Renewing first takes the row: nobody else can end or take the job until this is through.
        if !tx
            .provisioner_jobs()
            .heartbeat(claim.job_id, claim.lease, now)
            .await?
        {
            return Err(lease_lost());
        }
        let job = claimed(tx, claim).await?;
        if !update.logs.is_empty() {
            let lines: Vec<_> = update.logs.iter().map(cleaned).collect();
            tx.provisioner_jobs().append_logs(job.id, &lines).await?;
            tx.publish(Event::JobLogs { job_id: job.id }).await?;
        }
        if let Some(state) = &update.state
            && let JobInput::WorkspaceBuild {
                workspace_build_id, ..
            } = job.input
        {
            tx.workspace_builds()
                .set_state(workspace_build_id, state)
                .await?;
        }
        if let Some(readme) = &update.readme {
            store_readme(tx, &job, readme, now).await?;
        }
        if let Some(tags) = &update.workspace_tags {
            store_tags(tx, &job, tags).await?;
        }
        let variable_values = match &update.variables {
            Some(variables) => match store_variables(tx, &job, variables).await? {
                Ok(values) => values,
                Err(missing) => {
                    fail_for_variables(tx, claim, &missing, now).await?;
                    return Ok(None);
                }
            },
            None => Vec::new(),
        };
        Ok(Some(UpdateAnswer {
            canceled: job.canceled_at.is_some(),
            variable_values,
        }))
    }
}

fn cleaned(line: &JobLog) -> JobLog {
    JobLog {
        output: log_line::clean(&line.output),
        stage: log_line::cut(&log_line::clean(&line.stage), MAX_STAGE_BYTES),
        ..line.clone()
    }
}

async fn store_readme(
    tx: &mut dyn Transaction,
    job: &ProvisionerJob,
    readme: &str,
    now: Timestamp,
) -> Result<()> {
    let JobInput::TemplateVersionImport {
        template_version_id,
        ..
    } = job.input
    else {
        return Ok(());
    };
    if let Some(mut version) = tx.template_versions().get(template_version_id).await? {
        version.readme = log_line::cut(&readme.replace('\0', ""), MAX_README_BYTES);
        version.updated_at = now;
        tx.template_versions().update(&version).await?;
    }
    Ok(())
}

async fn store_tags(
    tx: &mut dyn Transaction,
    job: &ProvisionerJob,
    tags: &WorkspaceTagExpressions,
) -> Result<()> {
    let JobInput::TemplateVersionImport {
        template_version_id,
        ..
    } = job.input
    else {
        return Ok(());
    };
    let versions = tx.template_versions();
    let mut values = versions.terraform_values(template_version_id).await?;
    values.workspace_tags = tags.clone().checked()?;
    versions
        .set_terraform_values(template_version_id, &values)
        .await?;
    Ok(())
}

/// Stores the variables of an imported version, with what the author gave, else what the template's
/// active version has, else the default. Answers the values, or the names of those that lack one.
async fn store_variables(
    tx: &mut dyn Transaction,
    job: &ProvisionerJob,
    found: &[TemplateVersionVariable],
) -> Result<Result<Vec<VariableValue>, Vec<String>>> {
    let JobInput::TemplateVersionImport {
        template_version_id,
        user_variable_values,
    } = &job.input
    else {
        return Ok(Ok(Vec::new()));
    };
    if found.len() > MAX_VARIABLES {
        return Err(Error::invalid("the template has too many variables"));
    }
    let before = active_variables(tx, *template_version_id).await?;
    let (mut variables, mut missing) = (Vec::with_capacity(found.len()), Vec::new());
    for variable in found {
        let given = user_variable_values
            .iter()
            .find(|value| value.name == variable.name);
        let earlier = before.iter().find(|earlier| earlier.name == variable.name);
        let value = match (given, earlier) {
            (Some(given), _) => given.value.clone(),
            (None, Some(earlier)) if is_given(earlier) => earlier.value.clone(),
            (None, _) if variable.required => {
                missing.push(variable.name.clone());
                continue;
            }
            (None, _) => Secret::new(variable.default_value.clone()),
        };
        variables.push(TemplateVersionVariable {
            value,
            ..variable.clone()
        });
    }
    if !missing.is_empty() {
        return Ok(Err(missing));
    }
    tx.template_versions()
        .set_variables(*template_version_id, &variables)
        .await?;
    Ok(Ok(variables
        .into_iter()
        .filter(is_given)
        .map(value_of)
        .collect()))
}

/// The variables of the active version of the template that a new version is for.
async fn active_variables(
    tx: &mut dyn Transaction,
    version: crate::id::TemplateVersionId,
) -> Result<Vec<TemplateVersionVariable>> {
    let version = tx.template_versions().get(version).await?;
    let Some(template) = version.and_then(|version| version.template_id) else {
        return Ok(Vec::new());
    };
    let Some(template) = tx.templates().get(template).await? else {
        return Ok(Vec::new());
    };
    Ok(tx
        .template_versions()
        .variables(template.active_version_id)
        .await?)
}

async fn fail_for_variables(
    tx: &mut dyn Transaction,
    claim: Claim,
    missing: &[String],
    now: Timestamp,
) -> Result<()> {
    let error = format!(
        "required template variables need values: {}",
        missing.join(", ")
    );
    let line = JobLog {
        id: 0,
        created_at: now,
        source: LogSource::ProvisionerDaemon,
        level: LogLevel::Error,
        stage: "Parsing template parameters".to_owned(),
        output: error.clone(),
    };
    tx.provisioner_jobs()
        .append_logs(claim.job_id, &[line])
        .await?;
    let end = JobEnd {
        error: Some(error),
        error_code: Some(JobErrorCode::RequiredTemplateVariables),
        done: false,
    };
    tx.provisioner_jobs()
        .finish(claim.job_id, Some(claim.lease), &end, now)
        .await?;
    tx.publish(Event::JobLogs {
        job_id: claim.job_id,
    })
    .await?;
    announce(tx, claim.job_id, None).await
}

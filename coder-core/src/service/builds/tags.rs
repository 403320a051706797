//! Which daemons may run a job of a version.

use super::BuildPlan;
use crate::{
    ErrorKind, Result,
    id::{TemplateVersionId, UserId},
    parameter::ParameterValue,
    provisioner_job::{ProvisionerJob, Tags, with_scope},
    store::Transaction,
    workspace_build::WorkspaceTransition,
};

/// The tags given at push, over them those that the template makes of its variables and of `values`.
pub(in crate::service) async fn job_tags(
    tx: &mut dyn Transaction,
    version: TemplateVersionId,
    import: &ProvisionerJob,
    values: &[ParameterValue],
    initiator: UserId,
) -> Result<Tags> {
    let mut tags = import.tags.clone();
    let versions = tx.template_versions();
    let written = versions.terraform_values(version).await?.workspace_tags;
    if !written.is_empty() {
        let variables = versions.variables(version).await?;
        tags.extend(written.evaluate(&variables, values)?);
    }
    Ok(with_scope(tags, initiator))
}

/// The tags of a build. What only destroys must always be possible: where its tags cannot be evaluated, it gets
/// those of the build before, whose daemon knew what to do.
pub(super) async fn build_tags(
    tx: &mut dyn Transaction,
    plan: &BuildPlan<'_>,
    values: &[ParameterValue],
) -> Result<Tags> {
    let tags = job_tags(tx, plan.version.id, plan.import, values, plan.initiator).await;
    let starts = plan.request.transition == WorkspaceTransition::Start;
    match tags {
        Err(error) if error.kind() == ErrorKind::InvalidInput && !starts => {
            let previous = match plan.previous {
                Some(build) => tx.provisioner_jobs().get(build.job_id).await?,
                None => None,
            };
            let tags = previous.map_or_else(|| plan.import.tags.clone(), |job| job.tags);
            Ok(with_scope(tags, plan.initiator))
        }
        tags => tags,
    }
}

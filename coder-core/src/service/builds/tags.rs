//! Which daemons may run a job of a version.

use crate::{
    Result,
    id::{TemplateVersionId, UserId},
    parameter::ParameterValue,
    provisioner_job::{ProvisionerJob, Tags, with_scope},
    store::Transaction,
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

//! `coder provisioner jobs cancel`.

use crate::cli::{
    client::Client,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::error_line,
    provisioner::{OrganizationArgs, path},
};
use coder_core::{id::ProvisionerJobId, provisioner_job::JobType};
use reqwest::Method;
use serde::Deserialize;

/// Flags of `coder provisioner jobs cancel`.
#[derive(clap::Args)]
pub(crate) struct CancelArgs {
    /// Id of the job.
    job_id: ProvisionerJobId,
    #[command(flatten)]
    organization: OrganizationArgs,
}

#[derive(Deserialize)]
struct Job {
    #[serde(rename = "type")]
    kind: JobType,
    input: Input,
}

#[derive(Deserialize)]
struct Input {
    template_version_id: Option<String>,
    workspace_build_id: Option<String>,
}

/// Cancels a job by way of what it works on.
pub(crate) async fn run(global: &GlobalArgs, args: CancelArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let id = args.job_id;
    let path = path(&args.organization, &format!("provisionerjobs/{id}"), &[]);
    let job: Option<Job> = client.find(&path).await?;
    let job = job.ok_or_else(|| {
        CliError::new(format!("there is no job {id}"))
            .hint("See all with: coder provisioner jobs list")
    })?;
    let (version, build) = (job.input.template_version_id, job.input.workspace_build_id);
    let path = match (job.kind, version, build) {
        (JobType::TemplateVersionImport, Some(version), _) => {
            format!("api/v2/templateversions/{version}/cancel")
        }
        (JobType::TemplateVersionDryRun, Some(version), _) => {
            format!("api/v2/templateversions/{version}/dry-run/{id}/cancel")
        }
        (JobType::WorkspaceBuild, _, Some(build)) => {
            format!("api/v2/workspacebuilds/{build}/cancel")
        }
        _ => return Err(CliError::new("the answer is not understood")),
    };
    client.send(Method::PATCH, &path, None).await?;
    error_line(&format!("The job {id} is being canceled."));
    Ok(())
}

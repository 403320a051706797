//! A claimed job as daemons understand it.

use super::DaemonSettings;
use coder_core::{
    secret::Secret,
    service::jobs::{AcquiredJob, BuildWork, DryRunWork, ImportWork, Work},
    template::Template,
    template_version::TemplateVersion,
    workspace_build::WorkspaceTransition,
};
use coder_provisioner::protocol::{
    self, JobKind, Metadata, ProvisionerLogLevel, RbacRole, TemplateDryRun, TemplateImport,
    WorkspaceBuild,
};

/// The group that everyone is in.
const EVERYONE: &str = "Everyone";

pub(super) fn to_daemon(acquired: AcquiredJob, settings: &DaemonSettings) -> protocol::AcquiredJob {
    let kind = match acquired.work {
        Work::Import(work) => JobKind::TemplateImport(Box::new(import(*work, settings))),
        Work::DryRun(work) => JobKind::TemplateDryRun(Box::new(dry_run(*work, settings))),
        Work::Build(work) => JobKind::WorkspaceBuild(Box::new(build(*work, settings))),
    };
    protocol::AcquiredJob {
        job_id: acquired.job.id,
        lease: acquired.lease,
        created_at: acquired.job.created_at,
        provisioner: acquired.job.provisioner,
        user_name: acquired.initiator_name,
        template_archive: acquired.archive.into(),
        module_files: acquired.module_files.map(Into::into),
        kind,
    }
}

fn import(work: ImportWork, settings: &DaemonSettings) -> TemplateImport {
    TemplateImport {
        metadata: metadata(settings, &work.version, work.template.as_ref()),
        user_variable_values: work.user_variable_values,
    }
}

fn dry_run(work: DryRunWork, settings: &DaemonSettings) -> TemplateDryRun {
    let metadata = Metadata {
        workspace_transition: WorkspaceTransition::Start,
        workspace_name: work.workspace_name,
        workspace_owner: "dryrunner".to_owned(),
        ..metadata(settings, &work.version, work.template.as_ref())
    };
    TemplateDryRun {
        metadata,
        rich_parameter_values: work.parameters,
        variable_values: work.variables,
    }
}

fn build(work: BuildWork, settings: &DaemonSettings) -> WorkspaceBuild {
    let owner = &work.owner;
    let organization = work.workspace.organization_id.to_string();
    let site = ["member".to_owned()];
    let site = site
        .iter()
        .chain(&owner.roles)
        .map(|name| (name, String::new()));
    let local = ["organization-member".to_owned()];
    let local = local.iter().chain(&work.owner_organization_roles);
    let roles = site.chain(local.map(|name| (name, organization.clone())));
    let metadata = Metadata {
        workspace_transition: work.build.transition,
        workspace_id: work.workspace.id.into(),
        workspace_name: work.workspace.name.clone(),
        workspace_build_id: Some(work.build.id.into()),
        workspace_owner_id: owner.id.into(),
        workspace_owner: owner.username.clone(),
        workspace_owner_name: owner.name.clone(),
        workspace_owner_email: owner.email.clone(),
        workspace_owner_login_type: owner.login_type.to_string(),
        workspace_owner_rbac_roles: roles
            .map(|(name, org_id)| RbacRole {
                name: name.clone(),
                org_id,
            })
            .collect(),
        workspace_owner_ssh_public_key: work.owner_ssh_key.public_key,
        workspace_owner_ssh_private_key: work.owner_ssh_key.private_key,
        workspace_owner_session_token: work.session_token.unwrap_or_else(|| Secret::new("")),
        ..metadata(settings, &work.version, Some(&work.template))
    };
    WorkspaceBuild {
        workspace_build_id: work.build.id,
        workspace_name: work.workspace.name,
        rich_parameter_values: work.parameters,
        previous_parameter_values: work.previous_parameters,
        variable_values: work.variables,
        external_auth_tokens: Vec::new(),
        metadata,
        state: work.state.into(),
        log_level: work.debug_logs.then_some(ProvisionerLogLevel::Debug),
    }
}

/// What every job knows.
fn metadata(
    settings: &DaemonSettings,
    version: &TemplateVersion,
    template: Option<&Template>,
) -> Metadata {
    Metadata {
        coder_url: settings.access_url.clone(),
        agent_scripts: settings.agent_scripts.clone(),
        workspace_owner_groups: vec![EVERYONE.to_owned()],
        template_id: template
            .map(|template| template.id.into())
            .unwrap_or_default(),
        template_name: template
            .map(|template| template.name.clone())
            .unwrap_or_default(),
        template_version: version.name.clone(),
        ..Metadata::default()
    }
}

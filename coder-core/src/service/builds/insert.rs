//! Writes a checked build with its job.

use super::{NewBuild, orphan, tags::build_tags};
use crate::{
    Error, Result, Timestamp,
    event::Event,
    id::{ProvisionerJobId, UserId, WorkspaceBuildId},
    parameter::ParameterValue,
    parameter_resolution::{Missing, resolve},
    provisioner_daemon::OFFLINE_AFTER_MS,
    provisioner_job::{JobInput, NewJob, ProvisionerJob, Tags, tags_match},
    service::Deps,
    store::{JobEnd, Transaction},
    template::Template,
    template_version::{TemplateVersion, TemplateVersionPreset},
    workspace::Workspace,
    workspace_build::{WorkspaceBuild, WorkspaceTransition},
};

/// Everything a build is made of, all of it checked.
#[derive(Debug)]
pub(in crate::service) struct BuildPlan<'a> {
    /// Who asks for it.
    pub(in crate::service) initiator: UserId,
    /// What is built.
    pub(in crate::service) workspace: &'a Workspace,
    /// Its template.
    pub(in crate::service) template: &'a Template,
    /// The version to build from.
    pub(in crate::service) version: &'a TemplateVersion,
    /// That version's import, which names the archive and the tags.
    pub(in crate::service) import: &'a ProvisionerJob,
    /// The build before, if there is one.
    pub(in crate::service) previous: Option<&'a WorkspaceBuild>,
    /// What was asked for.
    pub(in crate::service) request: &'a NewBuild,
}

/// Inserts the build and its job and tells daemons and watchers.
pub(in crate::service) async fn insert(
    deps: &Deps,
    tx: &mut dyn Transaction,
    plan: BuildPlan<'_>,
) -> Result<WorkspaceBuild> {
    let preset = preset(tx, &plan).await?;
    let values = parameter_values(tx, &plan, preset.as_ref()).await?;
    let state = first_state(tx, &plan).await?;
    let now = deps.now();
    let build = WorkspaceBuild {
        id: WorkspaceBuildId::generate(&*deps.entropy),
        workspace_id: plan.workspace.id,
        template_version_id: plan.version.id,
        template_version_preset_id: preset.map(|preset| preset.id),
        build_number: plan
            .previous
            .map_or(1, |build| build.build_number.saturating_add(1)),
        transition: plan.request.transition,
        initiator_id: plan.initiator,
        job_id: ProvisionerJobId::generate(&*deps.entropy),
        deadline: None,
        max_deadline: None,
        reason: plan.request.reason,
        daily_cost: 0,
        created_at: now,
        updated_at: now,
    };
    let tags = build_tags(tx, &plan, &values).await?;
    let job = job_of(&plan, &build, tags, now);
    tx.provisioner_jobs().insert(&job).await?;
    tx.workspace_builds()
        .insert(&build, &values, &state)
        .await?;
    if plan.request.orphan {
        let state = stored_state(tx, &plan).await?;
        orphan::record(tx, job.id, &state, now).await?;
    }
    if plan.request.orphan && !has_live_daemon(tx, &job, now).await? {
        // Nobody would ever run it, and there is nothing to run.
        tx.provisioner_jobs()
            .finish(job.id, None, &JobEnd::default(), now)
            .await?;
        let gone = Workspace {
            deleted: true,
            updated_at: now,
            ..plan.workspace.clone()
        };
        tx.workspaces().update(&gone).await?;
    } else {
        tx.publish(Event::JobPosted {
            organization_id: job.organization_id,
            provisioner: job.provisioner,
        })
        .await?;
    }
    tx.publish(Event::WorkspaceUpdated {
        workspace_id: plan.workspace.id,
        owner_id: plan.workspace.owner_id,
    })
    .await?;
    Ok(build)
}

/// The preset that was asked for.
async fn preset(
    tx: &mut dyn Transaction,
    plan: &BuildPlan<'_>,
) -> Result<Option<TemplateVersionPreset>> {
    let Some(id) = plan.request.template_version_preset_id else {
        return Ok(None);
    };
    let found = tx.template_versions().preset(id).await?;
    let found = found.filter(|preset| preset.template_version_id == plan.version.id);
    let refused = || {
        let detail = "is not a preset of this template version";
        Error::invalid_field("template_version_preset_id", detail)
    };
    found.ok_or_else(refused).map(Some)
}

async fn parameter_values(
    tx: &mut dyn Transaction,
    plan: &BuildPlan<'_>,
    preset: Option<&TemplateVersionPreset>,
) -> Result<Vec<ParameterValue>> {
    let parameters = tx.template_versions().parameters(plan.version.id).await?;
    let previous = match plan.previous {
        Some(build) => tx.workspace_builds().parameters(build.id).await?,
        None => Vec::new(),
    };
    let missing = match plan.request.transition {
        WorkspaceTransition::Start => Missing::Refuse,
        WorkspaceTransition::Stop | WorkspaceTransition::Delete => Missing::LeaveOut,
    };
    let mut given = plan.request.parameters.clone();
    if let Some(preset) = preset {
        // A preset may name what the template has no more; that is its author's business.
        let known = |value: &&ParameterValue| parameters.iter().any(|one| one.name == value.name);
        let chosen: Vec<_> = preset.parameters.iter().filter(known).cloned().collect();
        given.retain(|value| chosen.iter().all(|other| other.name != value.name));
        given.extend(chosen);
    }
    resolve(&parameters, &previous, &given, missing)
}

/// The state the build begins from: that of the newest build, whatever became of it.
async fn first_state(tx: &mut dyn Transaction, plan: &BuildPlan<'_>) -> Result<Vec<u8>> {
    if plan.request.orphan {
        return Ok(Vec::new());
    }
    if let Some(state) = &plan.request.state {
        return Ok(state.clone());
    }
    stored_state(tx, plan).await
}

async fn stored_state(tx: &mut dyn Transaction, plan: &BuildPlan<'_>) -> Result<Vec<u8>> {
    match plan.previous {
        Some(build) => Ok(tx.workspace_builds().state(build.id).await?),
        None => Ok(Vec::new()),
    }
}

fn job_of(
    plan: &BuildPlan<'_>,
    build: &WorkspaceBuild,
    tags: Tags,
    now: Timestamp,
) -> ProvisionerJob {
    ProvisionerJob::queued(
        NewJob {
            id: build.job_id,
            organization_id: plan.workspace.organization_id,
            initiator_id: plan.initiator,
            provisioner: plan.template.provisioner,
            file_id: plan.import.file_id,
            input: JobInput::WorkspaceBuild {
                workspace_build_id: build.id,
                debug_logs: plan.request.debug_logs,
            },
            tags,
        },
        now,
    )
}

async fn has_live_daemon(
    tx: &mut dyn Transaction,
    job: &ProvisionerJob,
    now: Timestamp,
) -> Result<bool> {
    let alive = chrono::TimeDelta::milliseconds(OFFLINE_AFTER_MS);
    let daemons = tx.provisioner_daemons().list(job.organization_id).await?;
    Ok(daemons.iter().any(|daemon| {
        daemon.provisioners.contains(&job.provisioner)
            && daemon.last_seen_at.is_some_and(|seen| now - seen <= alive)
            && tags_match(&job.tags, &daemon.tags)
    }))
}

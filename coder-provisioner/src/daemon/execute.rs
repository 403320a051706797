//! The steps of each kind of job.

use std::sync::Arc;

use bytes::Bytes;
use coder_core::provisioner_job::{JobErrorCode, LogLevel};
use coder_core::secret::Secret;
use coder_core::template_version::VariableValue;
use coder_core::workspace_build::WorkspaceTransition;

use super::context::JobContext;
use crate::protocol::{
    AcquiredJob, ApplyRequest, CompletedJobKind, Config, JobKind, ParseComplete, PlanRequest,
    TemplateDryRun, TemplateImport, TemplateImportResult, TemplateVariable, Timing, WorkspaceBuild,
    WorkspaceBuildResult, stage,
};
use crate::{Error, ErrorKind, LogSink, Provisioner, Session, StateSink};

/// Why a job did not end well.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) code: Option<JobErrorCode>,
    pub(super) state: Option<Bytes>,
    pub(super) timings: Vec<Timing>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            code: None,
            state: None,
            timings: Vec::new(),
        }
    }
}

/// Carries out a job.
pub(super) async fn execute(
    job: AcquiredJob,
    provisioner: Arc<dyn Provisioner>,
    context: Arc<JobContext>,
) -> Result<CompletedJobKind, Failure> {
    context.begin(stage::SETTING_UP);
    let text = format!(
        "Unpacking the template, {} bytes",
        job.template_archive.len()
    );
    context.note(LogLevel::Info, &text);
    let log_level = match &job.kind {
        JobKind::WorkspaceBuild(build) => build.log_level,
        JobKind::TemplateImport(_) | JobKind::TemplateDryRun(_) => None,
    };
    let config = Config {
        job_id: job.job_id,
        lease: job.lease,
        template_archive: job.template_archive,
        module_files: job.module_files,
        log_level,
        refresh: matches!(job.kind, JobKind::TemplateImport(_)),
    };
    let logs: Arc<dyn LogSink> = Arc::clone(&context) as _;
    let mut session = tokio::select! {
        session = provisioner.session(config, logs) => session?,
        () = context.cancel.cancelled() => return Err(Error::canceled().into()),
    };
    let result = match job.kind {
        JobKind::TemplateImport(import) => {
            template_import(session.as_mut(), *import, &context).await
        }
        JobKind::TemplateDryRun(run) => dry_run(session.as_mut(), *run, &context).await,
        JobKind::WorkspaceBuild(build) => workspace_build(session.as_mut(), *build, &context).await,
    };
    context.begin(stage::CLEANING_UP);
    // Removes files, which may block.
    if tokio::task::spawn_blocking(move || drop(session))
        .await
        .is_err()
    {
        tracing::warn!("the session panicked while it was closed");
    }
    result
}

async fn template_import(
    session: &mut dyn Session,
    import: TemplateImport,
    context: &JobContext,
) -> Result<CompletedJobKind, Failure> {
    context.begin(stage::PARSING);
    let parsed = session.parse(&context.cancel).await?;
    let variable_values = variable_values(parsed, import.user_variable_values, context).await?;
    let mut request = PlanRequest {
        metadata: import.metadata,
        variable_values,
        ..PlanRequest::default()
    };

    context.begin(stage::DETECTING_PERSISTENT);
    request.metadata.workspace_transition = WorkspaceTransition::Start;
    let start = session.plan(request.clone(), &context.cancel).await?;

    context.begin(stage::DETECTING_EPHEMERAL);
    request.metadata.workspace_transition = WorkspaceTransition::Stop;
    let stop = session.plan(request, &context.cancel).await?;
    let module_files = session.module_files().await?;

    Ok(CompletedJobKind::TemplateImport(TemplateImportResult {
        start_resources: start.resources,
        stop_resources: stop.resources,
        rich_parameters: start.rich_parameters,
        presets: start.presets,
        external_auth_providers: start.external_auth_providers,
        module_files,
    }))
}

/// Stores what was found and answers with the values to plan with: the server's, and what the
/// author gave where the server says nothing.
async fn variable_values(
    parsed: ParseComplete,
    given: Vec<VariableValue>,
    context: &JobContext,
) -> Result<Vec<VariableValue>, Failure> {
    let ParseComplete {
        template_variables,
        readme,
        workspace_tags,
    } = parsed;
    let text = format!("Found {} template variables", template_variables.len());
    context.note(LogLevel::Info, &text);
    let mut values = context
        .found(template_variables.clone(), readme, workspace_tags)
        .await?;
    for value in given {
        if !values.iter().any(|known| known.name == value.name) {
            values.push(value);
        }
    }
    check_required(&template_variables, &values)?;
    // An empty value stands for "not given" where there is a default.
    let has_default = |name: &str| {
        template_variables
            .iter()
            .any(|variable| variable.name == name && !variable.required)
    };
    values.retain(|value| value.value != Secret::default() || !has_default(&value.name));
    Ok(values)
}

fn check_required(variables: &[TemplateVariable], values: &[VariableValue]) -> Result<(), Failure> {
    let missing: Vec<&str> = variables
        .iter()
        .filter(|variable| variable.required)
        .map(|variable| variable.name.as_str())
        .filter(|name| !values.iter().any(|value| value.name == *name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let text = format!(
        "required template variables need values: {}",
        missing.join(", ")
    );
    Err(Failure {
        code: Some(JobErrorCode::RequiredTemplateVariables),
        ..Error::new(ErrorKind::InvalidRequest, text).into()
    })
}

async fn dry_run(
    session: &mut dyn Session,
    run: TemplateDryRun,
    context: &JobContext,
) -> Result<CompletedJobKind, Failure> {
    context.begin(stage::PLANNING);
    let request = PlanRequest {
        metadata: run.metadata,
        rich_parameter_values: run.rich_parameter_values,
        variable_values: run.variable_values,
        ..PlanRequest::default()
    };
    let plan = session.plan(request, &context.cancel).await?;
    Ok(CompletedJobKind::TemplateDryRun {
        resources: plan.resources,
    })
}

async fn workspace_build(
    session: &mut dyn Session,
    build: WorkspaceBuild,
    context: &Arc<JobContext>,
) -> Result<CompletedJobKind, Failure> {
    context.begin(stage::PLANNING);
    let transition = build.metadata.workspace_transition;
    let request = PlanRequest {
        metadata: build.metadata.clone(),
        rich_parameter_values: build.rich_parameter_values,
        previous_parameter_values: build.previous_parameter_values,
        variable_values: build.variable_values,
        external_auth_tokens: build.external_auth_tokens,
        state: build.state,
        apply_only: true,
    };
    let plan = session.plan(request, &context.cancel).await?;

    context.begin(stage::applying(transition));
    let mut timings = plan.timings;
    let state: Arc<dyn StateSink> = Arc::clone(context) as _;
    let request = ApplyRequest {
        metadata: build.metadata,
    };
    match session
        .apply(plan.handle, request, state, &context.cancel)
        .await
    {
        Ok(applied) => {
            timings.extend(applied.timings);
            Ok(CompletedJobKind::WorkspaceBuild(WorkspaceBuildResult {
                state: applied.state,
                resources: applied.resources,
                timings,
            }))
        }
        Err(failed) => {
            timings.extend(failed.timings);
            Err(Failure {
                error: failed.error,
                code: None,
                state: failed.state,
                timings,
            })
        }
    }
}

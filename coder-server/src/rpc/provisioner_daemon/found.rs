//! What a daemon found or made, in the core's words. Identifiers and times are given by the core.

use super::devcontainers::devcontainers;
use coder_core::{
    Timestamp,
    id::{
        LogSourceId, ProvisionerJobId, ScriptId, TemplateVersionId, TemplateVersionPresetId,
        WorkspaceAgentId, WorkspaceAppId, WorkspaceResourceId,
    },
    log_line,
    name::{is_agent_name, is_app_slug},
    parameter::ParameterValue,
    provisioner_job::{JobLog, JobTiming},
    resource_monitor::{MonitorState, ResourceMonitor},
    script::WorkspaceAgentScript,
    secret::{Secret, TokenHash},
    service::jobs::{FoundAgent, FoundResource, FoundScript},
    template_version::{TemplateVersionPreset, TemplateVersionVariable},
    workspace_agent::{self, AgentMetadatum, LifecycleState, WorkspaceAgent},
    workspace_app::{AppHealth, WorkspaceApp},
    workspace_build::WorkspaceTransition,
    workspace_resource::{ResourceMetadatum, WorkspaceResource},
};
use coder_provisioner::{
    Error, ErrorKind, Result,
    protocol::{
        self, Agent, AgentAuth, App, Devcontainer, Preset, Resource, ResourcesMonitoring, Script,
        TemplateVariable, Timing,
    },
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Longest text of a template that is only shown, in bytes.
const MAX_SHOWN_BYTES: usize = 16 * 1024;

/// Most volumes of one agent that are watched.
const MAX_VOLUMES: usize = 64;

/// Stands where the core puts an identifier.
const NONE: Uuid = Uuid::nil();

pub(super) fn resources(found: Vec<Resource>) -> Result<Vec<FoundResource>> {
    found.into_iter().map(resource).collect()
}

pub(super) fn log(line: protocol::JobLog) -> JobLog {
    JobLog {
        id: 0,
        created_at: line.created_at,
        source: line.source,
        level: line.level,
        stage: line.stage,
        output: line.output,
    }
}

pub(super) fn timing(timing: Timing) -> JobTiming {
    JobTiming {
        started_at: timing.start,
        ended_at: timing.end,
        stage: timing.stage.as_str().to_owned(),
        source: shown(&timing.source),
        action: shown(&timing.action),
        resource: shown(&timing.resource),
    }
}

pub(super) fn variable(found: TemplateVariable) -> TemplateVersionVariable {
    TemplateVersionVariable {
        name: found.name,
        description: shown(&found.description),
        kind: found.kind,
        value: coder_core::secret::Secret::default(),
        default_value: found.default_value,
        required: found.required,
        sensitive: found.sensitive,
    }
}

pub(super) fn preset(found: Preset) -> TemplateVersionPreset {
    let instances = found
        .prebuild_instances
        .map(|count| i32::try_from(count.max(0)).unwrap_or(i32::MAX));
    let parameters = found.parameters.into_iter();
    TemplateVersionPreset {
        id: TemplateVersionPresetId(NONE),
        template_version_id: TemplateVersionId(NONE),
        name: shown(&found.name),
        description: shown(&found.description),
        icon: shown(&found.icon),
        default: found.default,
        prebuild_instances: instances,
        parameters: parameters
            .map(|parameter| ParameterValue {
                name: parameter.name,
                value: parameter.value,
            })
            .collect(),
    }
}

fn resource(found: Resource) -> Result<FoundResource> {
    let metadata = found
        .metadata
        .into_iter()
        .map(|metadatum| ResourceMetadatum {
            key: shown(&metadatum.key),
            value: metadatum.value.as_deref().map(shown),
            sensitive: metadatum.sensitive,
        });
    Ok(FoundResource {
        resource: WorkspaceResource {
            id: WorkspaceResourceId(NONE),
            job_id: ProvisionerJobId(NONE),
            created_at: Timestamp::default(),
            transition: WorkspaceTransition::Start,
            kind: shown(&found.kind),
            name: shown(&found.name),
            hide: found.hide,
            icon: shown(&found.icon),
            daily_cost: found.daily_cost,
            instance_type: shown(&found.instance_type),
            module_path: shown(&found.module_path),
            metadata: metadata.collect(),
        },
        agents: found.agents.into_iter().map(agent).collect::<Result<_>>()?,
    })
}

fn agent(found: Agent) -> Result<FoundAgent> {
    if !is_agent_name(&found.name) {
        return Err(refused(format!(
            "the agent name {:?} is not valid",
            shown(&found.name)
        )));
    }
    let environment_variables = found.environment()?;
    let devcontainers = devcontainers(&found)?;
    let metadata = found.metadata.into_iter().map(|metadatum| AgentMetadatum {
        agent_id: WorkspaceAgentId(NONE),
        key: metadatum.key,
        display_name: metadatum.display_name,
        script: metadatum.script,
        interval: metadatum.interval,
        timeout: metadatum.timeout,
        display_order: order(metadatum.order),
        value: String::new(),
        error: String::new(),
        collected_at: None,
    });
    let auth = match found.auth {
        AgentAuth::Token(token) => workspace_agent::AgentAuth::Token(TokenHash::of(token.expose())),
        AgentAuth::InstanceId(id) => workspace_agent::AgentAuth::InstanceId(id),
    };
    Ok(FoundAgent {
        agent: WorkspaceAgent {
            id: WorkspaceAgentId(NONE),
            parent_id: None,
            resource_id: WorkspaceResourceId(NONE),
            name: found.name,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            first_connected_at: None,
            last_connected_at: None,
            disconnected_at: None,
            started_at: None,
            ready_at: None,
            auth,
            architecture: shown(&found.architecture),
            operating_system: shown(&found.operating_system),
            environment_variables,
            directory: found.directory,
            expanded_directory: String::new(),
            version: String::new(),
            api_version: String::new(),
            connection_timeout_seconds: found.connection_timeout_seconds.max(0),
            troubleshooting_url: shown(&found.troubleshooting_url),
            motd_file: found.motd_file,
            lifecycle_state: LifecycleState::Created,
            logs_length: 0,
            logs_overflowed: false,
            subsystems: Vec::new(),
            display_apps: found
                .display_apps
                .enabled()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            api_key_scope: found.api_key_scope,
            display_order: order(found.order),
            run_id: None,
            startup_script_behavior: found.startup_script_behavior,
            deleted: false,
        },
        apps: found.apps.into_iter().map(app).collect::<Result<_>>()?,
        scripts: found.scripts.into_iter().map(script).collect(),
        metadata: metadata.collect(),
        devcontainers,
        monitors: monitors(found.resources_monitoring),
    })
}

fn monitors(found: ResourcesMonitoring) -> Vec<ResourceMonitor> {
    let monitor = |volume, enabled, threshold: i32| ResourceMonitor {
        agent_id: WorkspaceAgentId(NONE),
        volume,
        enabled,
        threshold: threshold.clamp(0, 100),
        state: MonitorState::Ok,
        debounced_until: None,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
    };
    let memory = found
        .memory
        .map(|memory| monitor(None, memory.enabled, memory.threshold));
    // One for each folder, whatever a provisioner says.
    let volumes: BTreeMap<_, _> = found
        .volumes
        .into_iter()
        .filter(|volume| !volume.path.is_empty())
        .take(MAX_VOLUMES)
        .map(|volume| (volume.path, (volume.enabled, volume.threshold)))
        .collect();
    let volumes = volumes
        .into_iter()
        .map(|(path, (enabled, threshold))| monitor(Some(path), enabled, threshold));
    memory.into_iter().chain(volumes).collect()
}

fn app(found: App) -> Result<WorkspaceApp> {
    if !is_app_slug(&found.slug) {
        return Err(refused(format!(
            "the app slug {:?} is not valid",
            shown(&found.slug)
        )));
    }
    let check = found.healthcheck;
    let health = if check.is_some() {
        AppHealth::Initializing
    } else {
        AppHealth::Disabled
    };
    Ok(WorkspaceApp {
        id: WorkspaceAppId(NONE),
        agent_id: WorkspaceAgentId(NONE),
        slug: found.slug,
        display_name: shown(&found.display_name),
        icon: shown(&found.icon),
        url: shown(&found.url),
        command: found.command,
        external: found.external,
        subdomain: found.subdomain,
        sharing_level: found.sharing_level,
        healthcheck_url: check
            .as_ref()
            .map(|check| check.url.clone())
            .unwrap_or_default(),
        healthcheck_interval: check.as_ref().map_or(0, |check| check.interval),
        healthcheck_threshold: check.as_ref().map_or(0, |check| check.threshold),
        health,
        hidden: found.hidden,
        open_in: found.open_in,
        group: shown(&found.group),
        tooltip: shown(&found.tooltip),
        display_order: order(found.order),
    })
}

fn script(found: Script) -> FoundScript {
    FoundScript {
        icon: shown(&found.icon),
        script: WorkspaceAgentScript {
            id: ScriptId(NONE),
            agent_id: WorkspaceAgentId(NONE),
            log_source_id: LogSourceId(NONE),
            log_path: found.log_path,
            script: found.script,
            cron: found.cron,
            run_on_start: found.run_on_start,
            run_on_stop: found.run_on_stop,
            start_blocks_login: found.start_blocks_login,
            timeout_seconds: found.timeout_seconds.max(0),
            display_name: shown(&found.display_name),
        },
    }
}

/// The agent inside of a dev container, which has from the one outside what the template does not say.
pub(super) fn agent_inside(
    outside: &Agent,
    container: &Devcontainer,
    name: String,
) -> Result<FoundAgent> {
    agent(Agent {
        env: BTreeMap::new(),
        extra_envs: container.envs.clone(),
        apps: container.apps.clone(),
        scripts: container.scripts.clone(),
        directory: container.workspace_folder.clone(),
        // It gets one when it is there.
        auth: AgentAuth::Token(Secret::default()),
        motd_file: String::new(),
        metadata: Vec::new(),
        resources_monitoring: ResourcesMonitoring::default(),
        devcontainers: Vec::new(),
        name,
        ..outside.clone()
    })
}

/// Text that is only shown: bounded, and without the NUL that no store keeps.
pub(super) fn shown(text: &str) -> String {
    log_line::cut(&text.replace('\0', ""), MAX_SHOWN_BYTES)
}

fn order(order: i64) -> i32 {
    i32::try_from(order).unwrap_or(if order < 0 { i32::MIN } else { i32::MAX })
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

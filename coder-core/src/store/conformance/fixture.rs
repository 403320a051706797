//! Objects with fixed times and ids, complete and valid, for tests to change.

use crate::{
    Timestamp,
    api_key::ApiKey,
    file::{File, TAR},
    git_ssh_key::GitSshKey,
    id::{
        LogSourceId, OrganizationId, ProvisionerDaemonId, ProvisionerJobId, ProvisionerKeyId,
        TemplateVersionId, WorkspaceAgentId,
    },
    organization::{Organization, OrganizationMember},
    provisioner_daemon::ProvisionerDaemon,
    provisioner_job::{
        JobInput, JobLog, LogLevel, LogSource, NewJob, ProvisionerJob, ProvisionerType, with_scope,
    },
    provisioner_key::ProvisionerKey,
    script::WorkspaceAgentScript,
    secret::{Secret, TokenHash},
    template::{SharingLevel, Template, TemplatePolicy},
    template_version::TemplateVersion,
    user::{LoginType, User, UserStatus},
    workspace::{AutomaticUpdates, Workspace},
    workspace_agent::{
        AgentAuth, AgentLog, AgentLogSource, AgentMetadatum, LifecycleState, StartupScriptBehavior,
        WorkspaceAgent,
    },
    workspace_app::{AppHealth, OpenIn, WorkspaceApp},
    workspace_build::{BuildReason, WorkspaceBuild, WorkspaceTransition},
    workspace_resource::{ResourceMetadatum, WorkspaceResource},
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// 2024-01-01, noon, and so many seconds, with odd microseconds: a store that rounds is found out.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    let noon = 1_704_110_400_000_000;
    Timestamp::from_timestamp_micros(noon + seconds * 1_000_000 + 123_457).unwrap_or_default()
}

/// The identifier number `number`.
#[must_use]
pub fn id<T: From<Uuid>>(number: u128) -> T {
    T::from(Uuid::from_u128(number))
}

/// An active user with a password.
#[must_use]
pub fn user(number: u128, username: &str) -> User {
    User {
        id: id(number),
        email: format!("{username}@example.com"),
        username: username.to_owned(),
        name: format!("Name of {username}"),
        avatar_url: "/emojis/1f9d1.png".to_owned(),
        password_hash: Some(Secret::new(
            "$argon2id$v=19$m=16,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
        )),
        created_at: at(0),
        updated_at: at(1),
        last_seen_at: None,
        status: UserStatus::Active,
        login_type: LoginType::Password,
        roles: Vec::new(),
        deleted: false,
    }
}

/// An organization that is not the default.
#[must_use]
pub fn organization(number: u128, name: &str) -> Organization {
    Organization {
        id: id(number),
        name: name.to_owned(),
        display_name: format!("Organization {name}"),
        description: "For tests".to_owned(),
        icon: "/emojis/1f3e2.png".to_owned(),
        is_default: false,
        created_at: at(0),
        updated_at: at(1),
    }
}

/// A membership without roles.
#[must_use]
pub fn member(organization: &Organization, user: &User) -> OrganizationMember {
    OrganizationMember {
        organization_id: organization.id,
        user_id: user.id,
        roles: Vec::new(),
        created_at: at(2),
        updated_at: at(3),
    }
}

/// A session key (with an empty `token_name`) or a token.
#[must_use]
pub fn api_key(key_id: &str, user: &User, token_name: &str) -> ApiKey {
    let login_type = if token_name.is_empty() {
        LoginType::Password
    } else {
        LoginType::Token
    };
    ApiKey {
        id: key_id.to_owned(),
        secret_hash: TokenHash::of(key_id),
        user_id: user.id,
        last_used: at(10),
        expires_at: at(1_000),
        created_at: at(10),
        updated_at: at(11),
        login_type,
        lifetime_seconds: 86_400,
        scopes: vec!["coder:all".to_owned()],
        token_name: token_name.to_owned(),
    }
}

/// A key pair that is none, with this text in both halves.
#[must_use]
pub fn git_ssh_key(user: &User, text: &str) -> GitSshKey {
    GitSshKey {
        user_id: user.id,
        created_at: at(10),
        updated_at: at(11),
        private_key: Secret::new(format!("private {text}")),
        public_key: format!("ssh-ed25519 {text}\n"),
    }
}

/// An archive with a content of its own.
#[must_use]
pub fn file(number: u128, user: &User) -> File {
    File {
        id: id(number),
        hash: format!("{number:064x}"),
        created_by: user.id,
        created_at: at(4),
        mimetype: TAR.to_owned(),
        data: vec![0, 255, 10, 13],
    }
}

/// A pending job without tags of its own.
#[must_use]
pub fn job(
    number: u128,
    file: &File,
    organization: OrganizationId,
    input: JobInput,
) -> ProvisionerJob {
    ProvisionerJob::queued(
        NewJob {
            id: id(number),
            organization_id: organization,
            initiator_id: file.created_by,
            provisioner: ProvisionerType::Echo,
            file_id: file.id,
            input,
            tags: with_scope(BTreeMap::new(), file.created_by),
        },
        at(100),
    )
}

/// The input of an import.
#[must_use]
pub fn import(version: TemplateVersionId) -> JobInput {
    JobInput::TemplateVersionImport {
        template_version_id: version,
        user_variable_values: Vec::new(),
    }
}

/// A version of no template yet.
#[must_use]
pub fn version(number: u128, job: &ProvisionerJob, name: &str) -> TemplateVersion {
    TemplateVersion {
        id: id(number),
        template_id: None,
        organization_id: job.organization_id,
        name: name.to_owned(),
        message: "First try".to_owned(),
        readme: "# Read me\n".to_owned(),
        job_id: job.id,
        created_by: job.initiator_id,
        created_at: at(100),
        updated_at: at(101),
        archived: false,
        has_external_agent: false,
    }
}

/// A template that begins with this version.
#[must_use]
pub fn template(number: u128, version: &TemplateVersion, name: &str) -> Template {
    Template {
        id: id(number),
        organization_id: version.organization_id,
        name: name.to_owned(),
        display_name: String::new(),
        description: "For tests".to_owned(),
        icon: "/icon/docker.png".to_owned(),
        provisioner: ProvisionerType::Echo,
        active_version_id: version.id,
        created_by: version.created_by,
        created_at: at(110),
        updated_at: at(111),
        deleted: false,
        policy: TemplatePolicy::default(),
    }
}

/// A workspace of this owner.
#[must_use]
pub fn workspace(number: u128, owner: &User, template: &Template, name: &str) -> Workspace {
    Workspace {
        id: id(number),
        owner_id: owner.id,
        organization_id: template.organization_id,
        template_id: template.id,
        name: name.to_owned(),
        autostart_schedule: Some("CRON_TZ=UTC 30 9 * * 1-5".to_owned()),
        ttl_ms: Some(3_600_000),
        last_used_at: at(120),
        created_at: at(120),
        updated_at: at(121),
        deleted: false,
        dormant_at: None,
        deleting_at: None,
        automatic_updates: AutomaticUpdates::Never,
        favorite: false,
        next_start_at: None,
    }
}

/// A build of a workspace, run by `job`.
#[must_use]
pub fn build(
    workspace: &Workspace,
    job: &ProvisionerJob,
    version: TemplateVersionId,
    build_number: i32,
) -> WorkspaceBuild {
    WorkspaceBuild {
        id: job.id.0.into(),
        workspace_id: workspace.id,
        template_version_id: version,
        template_version_preset_id: None,
        build_number,
        transition: WorkspaceTransition::Start,
        initiator_id: workspace.owner_id,
        job_id: job.id,
        deadline: Some(at(4_000)),
        max_deadline: None,
        reason: BuildReason::Initiator,
        daily_cost: 3,
        created_at: job.created_at,
        updated_at: job.created_at,
    }
}

/// A resource with two displayed facts.
#[must_use]
pub fn resource(number: u128, job: ProvisionerJobId, name: &str) -> WorkspaceResource {
    let fact = |key: &str, value: Option<&str>| ResourceMetadatum {
        key: key.to_owned(),
        value: value.map(str::to_owned),
        sensitive: value.is_none(),
    };
    WorkspaceResource {
        id: id(number),
        job_id: job,
        created_at: at(130),
        transition: WorkspaceTransition::Start,
        kind: "docker_container".to_owned(),
        name: name.to_owned(),
        hide: false,
        icon: "/icon/docker.png".to_owned(),
        daily_cost: 3,
        instance_type: "large".to_owned(),
        module_path: "module.main".to_owned(),
        metadata: vec![fact("zone", Some("a")), fact("address", None)],
    }
}

/// A token agent that has not connected; its token is its number as text.
#[must_use]
pub fn agent(number: u128, resource: &WorkspaceResource, name: &str) -> WorkspaceAgent {
    let variables = [("EDITOR".to_owned(), "vi".to_owned())];
    WorkspaceAgent {
        id: id(number),
        parent_id: None,
        resource_id: resource.id,
        name: name.to_owned(),
        created_at: at(130),
        updated_at: at(131),
        first_connected_at: None,
        last_connected_at: None,
        disconnected_at: None,
        started_at: None,
        ready_at: None,
        auth: AgentAuth::Token(TokenHash::of(&number.to_string())),
        architecture: "amd64".to_owned(),
        operating_system: "linux".to_owned(),
        environment_variables: BTreeMap::from(variables),
        directory: "~/work".to_owned(),
        expanded_directory: String::new(),
        version: String::new(),
        api_version: String::new(),
        connection_timeout_seconds: 120,
        troubleshooting_url: "https://example.com/help".to_owned(),
        motd_file: "/etc/motd".to_owned(),
        run_id: None,
        lifecycle_state: LifecycleState::Created,
        logs_length: 0,
        logs_overflowed: false,
        subsystems: Vec::new(),
        display_apps: vec!["web_terminal".to_owned()],
        api_key_scope: "all".to_owned(),
        display_order: 0,
        startup_script_behavior: StartupScriptBehavior::NonBlocking,
        deleted: false,
    }
}

/// An app with a health check.
#[must_use]
pub fn app(number: u128, agent: WorkspaceAgentId, slug: &str) -> WorkspaceApp {
    WorkspaceApp {
        id: id(number),
        agent_id: agent,
        slug: slug.to_owned(),
        display_name: format!("App {slug}"),
        icon: "/icon/code.svg".to_owned(),
        url: "http://localhost:8080".to_owned(),
        command: String::new(),
        external: false,
        subdomain: true,
        sharing_level: SharingLevel::Owner,
        healthcheck_url: "http://localhost:8080/healthz".to_owned(),
        healthcheck_interval: 5,
        healthcheck_threshold: 6,
        health: AppHealth::Initializing,
        hidden: false,
        open_in: OpenIn::SlimWindow,
        group: "Editors".to_owned(),
        tooltip: "An *editor*".to_owned(),
        display_order: 0,
    }
}

/// A start script.
#[must_use]
pub fn script(number: u128, source: &AgentLogSource) -> WorkspaceAgentScript {
    WorkspaceAgentScript {
        id: id(number),
        agent_id: source.agent_id,
        log_source_id: source.id,
        log_path: "/tmp/start.log".to_owned(),
        script: "#!/bin/sh\necho hello\n".to_owned(),
        cron: String::new(),
        run_on_start: true,
        run_on_stop: false,
        start_blocks_login: true,
        timeout_seconds: 300,
        display_name: source.display_name.clone(),
    }
}

/// A source of log lines.
#[must_use]
pub fn log_source(number: u128, agent: WorkspaceAgentId, display_name: &str) -> AgentLogSource {
    AgentLogSource {
        agent_id: agent,
        id: id(number),
        created_at: at(130),
        display_name: display_name.to_owned(),
        icon: "/emojis/1f4dc.png".to_owned(),
    }
}

/// A metadata key without a value.
#[must_use]
pub fn metadatum(agent: WorkspaceAgentId, key: &str, display_order: i32) -> AgentMetadatum {
    AgentMetadatum {
        agent_id: agent,
        key: key.to_owned(),
        display_name: format!("The {key}"),
        script: "coder stat cpu".to_owned(),
        interval: 10,
        timeout: 1,
        display_order,
        value: String::new(),
        error: String::new(),
        collected_at: None,
    }
}

/// A line of an agent's log.
#[must_use]
pub fn agent_log(source: LogSourceId, output: &str) -> AgentLog {
    AgentLog {
        id: 0,
        created_at: at(140),
        output: output.to_owned(),
        level: LogLevel::Warn,
        source_id: source,
    }
}

/// A line of a job's log.
#[must_use]
pub fn job_log(output: &str) -> JobLog {
    JobLog {
        id: 0,
        created_at: at(140),
        source: LogSource::Provisioner,
        level: LogLevel::Debug,
        stage: "Planning Infrastructure".to_owned(),
        output: output.to_owned(),
    }
}

/// A daemon that runs both types and has no tags of its own.
#[must_use]
pub fn daemon(number: u128, organization: OrganizationId, name: &str) -> ProvisionerDaemon {
    let daemon_id: ProvisionerDaemonId = id(number);
    ProvisionerDaemon {
        id: daemon_id,
        organization_id: organization,
        key_id: ProvisionerKeyId::BUILT_IN,
        name: name.to_owned(),
        version: "v1.2.3".to_owned(),
        api_version: "1.0".to_owned(),
        provisioners: vec![ProvisionerType::Echo, ProvisionerType::Terraform],
        tags: with_scope(BTreeMap::new(), id(0)),
        created_at: at(90),
        last_seen_at: Some(at(95)),
    }
}

/// A key of an organization; its secret is its number and name.
#[must_use]
pub fn provisioner_key(number: u128, organization: OrganizationId, name: &str) -> ProvisionerKey {
    ProvisionerKey {
        id: id(number),
        organization_id: organization,
        name: name.to_owned(),
        secret_hash: TokenHash::of(&format!("{number} {name}")),
        tags: BTreeMap::new(),
        created_at: at(80),
        deleted_at: None,
    }
}

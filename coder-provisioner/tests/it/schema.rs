//! The declared resources and data sources, against the list of what templates may rely on.
//!
//! One line per attribute: its type, whether it is required (`req`), optional (`opt`) or given by the provider
//! (`comp`), whether it is sensitive or deprecated, its default, the rules for its values, and what it excludes.

use coder_provisioner::attributes as a;
use coder_provisioner::attributes::{
    Attribute, Block, DefaultValue, NestedBlock, Nesting, Presence, Rule, Shape as _, Type,
};

const EXPECTED: &str = r#"
provider.url string opt
coder_agent.id string comp
coder_agent.os string req linux|darwin|windows
coder_agent.arch string req amd64|armv7|arm64
coder_agent.auth string opt ="token" token|google-instance-identity|aws-instance-identity|azure-instance-identity
coder_agent.token string comp sensitive
coder_agent.init_script string comp
coder_agent.api_key_scope string opt ="all" all|no_user_data
coder_agent.dir string opt deprecated
coder_agent.env map(string) opt
coder_agent.startup_script string opt
coder_agent.startup_script_behavior string opt ="non-blocking" blocking|non-blocking
coder_agent.shutdown_script string opt
coder_agent.connection_timeout number opt =120 >=0
coder_agent.troubleshooting_url string opt
coder_agent.motd_file string opt
coder_agent.order number opt
coder_agent.metadata{} list unique(key)
coder_agent.metadata.key string req
coder_agent.metadata.display_name string opt
coder_agent.metadata.script string req
coder_agent.metadata.timeout number opt
coder_agent.metadata.interval number req
coder_agent.metadata.order number opt
coder_agent.display_apps{} set max1
coder_agent.display_apps.vscode bool opt =true
coder_agent.display_apps.vscode_insiders bool opt =false
coder_agent.display_apps.web_terminal bool opt =true
coder_agent.display_apps.port_forwarding_helper bool opt =true
coder_agent.display_apps.ssh_helper bool opt =true
coder_agent.resources_monitoring{} set max1
coder_agent.resources_monitoring.memory{} set max1
coder_agent.resources_monitoring.memory.enabled bool req
coder_agent.resources_monitoring.memory.threshold number req 0..100
coder_agent.resources_monitoring.volume{} set unique(path)
coder_agent.resources_monitoring.volume.path string req nonempty absolute
coder_agent.resources_monitoring.volume.enabled bool req
coder_agent.resources_monitoring.volume.threshold number req 0..100
coder_agent_instance.id string comp
coder_agent_instance.agent_id string req
coder_agent_instance.instance_id string req
coder_ai_task.id string comp
coder_ai_task.app_id string opt,comp uuid !sidebar_app
coder_ai_task.prompt string comp
coder_ai_task.enabled bool comp
coder_ai_task.sidebar_app{} set max1 deprecated
coder_ai_task.sidebar_app.id string req uuid
coder_app.id string comp
coder_app.agent_id string req
coder_app.slug string req pattern
coder_app.display_name string opt <=64B
coder_app.icon string opt url
coder_app.url string opt !command
coder_app.command string opt !url !subdomain
coder_app.external bool opt =false !healthcheck !command !subdomain !share
coder_app.subdomain bool opt
coder_app.share string opt ="owner" owner|authenticated|public
coder_app.group string opt <=64B
coder_app.order number opt
coder_app.hidden bool opt =false
coder_app.open_in string opt ="slim-window" tab|slim-window
coder_app.tooltip string opt <=2048B
coder_app.healthcheck{} set max1 !command
coder_app.healthcheck.url string req
coder_app.healthcheck.interval number req
coder_app.healthcheck.threshold number req
coder_devcontainer.id string comp
coder_devcontainer.agent_id string req
coder_devcontainer.workspace_folder string req nonempty
coder_devcontainer.config_path string opt
coder_devcontainer.subagent_id string comp
coder_env.id string comp
coder_env.agent_id string req
coder_env.name string req pattern
coder_env.value string opt
coder_env.merge_strategy string opt ="replace" replace|append|prepend|error
coder_external_agent.id string comp
coder_external_agent.agent_id string req
coder_metadata.id string comp
coder_metadata.resource_id string req
coder_metadata.hide bool opt
coder_metadata.icon string opt url
coder_metadata.daily_cost number opt
coder_metadata.item{} list unique(key)
coder_metadata.item.key string req
coder_metadata.item.value string opt
coder_metadata.item.sensitive bool opt =false
coder_metadata.item.is_null bool comp
coder_script.id string comp
coder_script.agent_id string req
coder_script.display_name string req
coder_script.icon string opt url
coder_script.script string req
coder_script.log_path string opt
coder_script.cron string opt
coder_script.run_on_start bool opt =false
coder_script.run_on_stop bool opt =false
coder_script.start_blocks_login bool opt =false
coder_script.timeout number opt =0 >=1
coder_external_auth.id string req
coder_external_auth.optional bool opt
coder_external_auth.access_token string comp sensitive
coder_parameter.id string comp
coder_parameter.name string req nonempty
coder_parameter.display_name string opt
coder_parameter.description string opt
coder_parameter.type string opt ="string" string|number|bool|list(string)
coder_parameter.form_type string opt,comp radio|slider|input|dropdown|checkbox|switch|multi-select|tag-select|textarea|error
coder_parameter.styling string opt ="{}"
coder_parameter.mutable bool opt =false
coder_parameter.default string opt
coder_parameter.icon string opt url
coder_parameter.order number opt
coder_parameter.ephemeral bool opt =false
coder_parameter.optional bool comp
coder_parameter.value string comp
coder_parameter.option{} list
coder_parameter.option.name string req
coder_parameter.option.description string opt
coder_parameter.option.value string req
coder_parameter.option.icon string opt url
coder_parameter.validation{} list max1
coder_parameter.validation.min number opt
coder_parameter.validation.min_disabled bool comp
coder_parameter.validation.max number opt
coder_parameter.validation.max_disabled bool comp
coder_parameter.validation.monotonic string opt increasing|decreasing
coder_parameter.validation.regex string opt !min !max !monotonic
coder_parameter.validation.error string opt
coder_provisioner.id string comp
coder_provisioner.os string comp
coder_provisioner.arch string comp
coder_secret.id string comp
coder_secret.env string opt pattern !file
coder_secret.file string opt pattern !env
coder_secret.help_message string req
coder_secret.value string comp sensitive
coder_task.id string comp
coder_task.prompt string comp
coder_task.enabled bool comp
coder_workspace.id string comp
coder_workspace.name string comp
coder_workspace.access_url string comp
coder_workspace.access_port number comp
coder_workspace.transition string comp
coder_workspace.start_count number comp
coder_workspace.is_prebuild bool comp
coder_workspace.prebuild_count number comp
coder_workspace.is_prebuild_claim bool comp
coder_workspace.template_id string comp
coder_workspace.template_name string comp
coder_workspace.template_version string comp
coder_workspace_owner.id string comp
coder_workspace_owner.name string comp
coder_workspace_owner.full_name string comp
coder_workspace_owner.email string comp
coder_workspace_owner.ssh_public_key string comp
coder_workspace_owner.ssh_private_key string comp sensitive
coder_workspace_owner.groups list(string) comp
coder_workspace_owner.session_token string comp sensitive
coder_workspace_owner.oidc_access_token string comp sensitive
coder_workspace_owner.login_type string comp
coder_workspace_owner.rbac_roles list(object(name=string,org_id=string)) comp
coder_workspace_preset.id string comp
coder_workspace_preset.name string req nonempty
coder_workspace_preset.description string opt <=128B
coder_workspace_preset.icon string opt url <=256B
coder_workspace_preset.default bool opt =false
coder_workspace_preset.parameters map(string) opt nonempty
coder_workspace_preset.prebuilds{} set max1
coder_workspace_preset.prebuilds.instances number req >=0
coder_workspace_preset.prebuilds.expiration_policy{} set max1
coder_workspace_preset.prebuilds.expiration_policy.ttl number req
coder_workspace_preset.prebuilds.scheduling{} list max1
coder_workspace_preset.prebuilds.scheduling.timezone string req nonempty
coder_workspace_preset.prebuilds.scheduling.schedule{} list min1
coder_workspace_preset.prebuilds.scheduling.schedule.cron string req
coder_workspace_preset.prebuilds.scheduling.schedule.instances number req >=0
coder_workspace_tags.id string comp
coder_workspace_tags.tags map(string) opt
"#;

#[test]
fn templates_find_every_attribute_as_they_expect_it() {
    let all = [
        ("provider", a::Provider::BLOCK),
        (a::Agent::TYPE_NAME, a::Agent::BLOCK),
        (a::AgentInstance::TYPE_NAME, a::AgentInstance::BLOCK),
        (a::AiTask::TYPE_NAME, a::AiTask::BLOCK),
        (a::App::TYPE_NAME, a::App::BLOCK),
        (a::Devcontainer::TYPE_NAME, a::Devcontainer::BLOCK),
        (a::Env::TYPE_NAME, a::Env::BLOCK),
        (a::ExternalAgent::TYPE_NAME, a::ExternalAgent::BLOCK),
        (a::Metadata::TYPE_NAME, a::Metadata::BLOCK),
        (a::Script::TYPE_NAME, a::Script::BLOCK),
        (a::ExternalAuth::TYPE_NAME, a::ExternalAuth::BLOCK),
        (a::Parameter::TYPE_NAME, a::Parameter::BLOCK),
        (a::Provisioner::TYPE_NAME, a::Provisioner::BLOCK),
        (a::Secret::TYPE_NAME, a::Secret::BLOCK),
        (a::Task::TYPE_NAME, a::Task::BLOCK),
        (a::Workspace::TYPE_NAME, a::Workspace::BLOCK),
        (a::WorkspaceOwner::TYPE_NAME, a::WorkspaceOwner::BLOCK),
        (a::WorkspacePreset::TYPE_NAME, a::WorkspacePreset::BLOCK),
        (a::WorkspaceTags::TYPE_NAME, a::WorkspaceTags::BLOCK),
    ];
    let mut found = Vec::new();
    for (name, block) in &all {
        describe(name, block, &mut found);
    }
    let expected: Vec<_> = EXPECTED.trim().lines().collect();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

fn describe(prefix: &str, block: &Block, lines: &mut Vec<String>) {
    for attribute in block.attributes {
        lines.push(format!("{prefix}.{}", attribute_line(attribute)));
    }
    for nested in block.blocks {
        lines.push(format!("{prefix}.{}", block_line(nested)));
        describe(&format!("{prefix}.{}", nested.name), &nested.block, lines);
    }
}

fn attribute_line(attribute: &Attribute) -> String {
    let mut words = vec![attribute.name.to_owned(), type_name(&attribute.ty)];
    let presence = match attribute.presence {
        Presence::Required => "req",
        Presence::Optional => "opt",
        Presence::Computed => "comp",
        Presence::OptionalComputed => "opt,comp",
    };
    words.push(presence.to_owned());
    if attribute.sensitive {
        words.push("sensitive".to_owned());
    }
    if attribute.deprecated {
        words.push("deprecated".to_owned());
    }
    words.extend(attribute.default.map(|value| match value {
        DefaultValue::String(text) => format!("={text:?}"),
        DefaultValue::Number(number) => format!("={number}"),
        DefaultValue::Bool(flag) => format!("={flag}"),
    }));
    words.extend(attribute.rules.iter().map(rule));
    words.extend(
        attribute
            .conflicts_with
            .iter()
            .map(|other| format!("!{other}")),
    );
    words.join(" ")
}

fn block_line(nested: &NestedBlock) -> String {
    let nesting = match nested.nesting {
        Nesting::List => "list",
        Nesting::Set => "set",
    };
    let mut words = vec![format!("{}{{}}", nested.name), nesting.to_owned()];
    if nested.min_items > 0 {
        words.push(format!("min{}", nested.min_items));
    }
    if nested.max_items > 0 {
        words.push(format!("max{}", nested.max_items));
    }
    if nested.deprecated {
        words.push("deprecated".to_owned());
    }
    words.extend(nested.unique.iter().map(|name| format!("unique({name})")));
    words.extend(
        nested
            .conflicts_with
            .iter()
            .map(|other| format!("!{other}")),
    );
    words.join(" ")
}

fn rule(rule: &Rule) -> String {
    match rule {
        Rule::OneOf(words) => words.join("|"),
        Rule::AtLeast(least) => format!(">={least}"),
        Rule::Between(least, most) => format!("{least}..{most}"),
        Rule::MaxBytes(most) => format!("<={most}B"),
        Rule::NotEmpty => "nonempty".to_owned(),
        Rule::Url => "url".to_owned(),
        Rule::Uuid => "uuid".to_owned(),
        Rule::AbsolutePath => "absolute".to_owned(),
        Rule::Matches { .. } => "pattern".to_owned(),
    }
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::String => "string".to_owned(),
        Type::Number => "number".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::List(of) => format!("list({})", type_name(of)),
        Type::Map(of) => format!("map({})", type_name(of)),
        Type::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, of)| format!("{name}={}", type_name(of)));
            format!("object({})", fields.collect::<Vec<_>>().join(","))
        }
    }
}

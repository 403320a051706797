//! Agents, and the apps, scripts and variables on them.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use coder_core::secret::Secret;
use coder_core::template::SharingLevel;
use coder_core::workspace_agent::StartupScriptBehavior;
use coder_core::workspace_app::OpenIn;
use serde::de::DeserializeOwned;

use super::agent_parts::{read_devcontainer, read_monitoring};
use super::graph::{Direction, Graph};
use super::resources::to_i32;
use super::show::{Instance, Mode};
use crate::attributes;
use crate::protocol::{
    Agent, AgentAuth, AgentMetadata, App, Devcontainer, DisplayApps, Env, EnvMergeStrategy,
    Healthcheck, Script,
};
use crate::{Error, ErrorKind, Result};

const DEFAULT_CONNECTION_TIMEOUT: i64 = 120;

/// An agent, and the resource that it runs on.
pub(super) struct Attachment {
    /// Label of the resource.
    pub(super) label: String,
    pub(super) agent: Agent,
}

/// The agents of a template.
pub(super) struct Agents {
    /// By address.
    pub(super) attached: Vec<Attachment>,
    /// Names of those on which no resource depends, so that they run nowhere.
    pub(super) left_out: Vec<String>,
}

/// Finds the agents of a template.
pub(super) fn agents(instances: &[Instance], graph: &Graph) -> Result<Agents> {
    let compute: BTreeSet<String> = instances
        .iter()
        .filter(|found| found.mode == Mode::Managed)
        .filter(|found| {
            !found.kind.starts_with("coder_") || found.kind == attributes::ExternalAgent::TYPE_NAME
        })
        .map(Instance::label)
        .collect();
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    let (mut agents, mut places) = (Vec::new(), BTreeMap::new());
    let mut left_out = Vec::new();
    for instance in sorted(instances, attributes::Agent::TYPE_NAME) {
        check_name(&instance.name)?;
        let (name, address) = (&instance.name, &instance.address);
        if let Some(other) = names.insert(name.to_lowercase(), address) {
            let text = format!("two agents are named {name:?}: {other} and {address}");
            return Err(invalid(text));
        }
        let label = instance.label();
        let runs_on = graph.nearest(&label, Direction::ToDependents, |label| {
            compute.contains(label)
        });
        let Some(runs_on) = runs_on.into_iter().next() else {
            left_out.push(name.clone());
            continue;
        };
        places.insert(label, agents.len());
        agents.push(Attachment {
            label: runs_on,
            agent: read_agent(instance)?,
        });
    }
    let mut parts = Parts {
        instances,
        graph,
        agents,
        places,
        devcontainers: BTreeMap::new(),
    };
    parts.attach_all()?;
    for attachment in &parts.agents {
        // Only to find out whether the template asked for an error.
        attachment.agent.environment()?;
    }
    Ok(Agents {
        attached: parts.agents,
        left_out,
    })
}

/// Instances of one type, in the order in which they were found.
pub(super) fn of_kind<'a>(
    instances: &'a [Instance],
    kind: &'static str,
) -> impl Iterator<Item = &'a Instance> {
    instances
        .iter()
        .filter(move |instance| instance.kind == kind)
}

/// Fills in the instance id of a machine at a cloud that tells it by itself.
pub(super) fn fill_instance_id(agent: &mut Agent, instance: &Instance) {
    let attribute = match instance.kind.as_str() {
        "google_compute_instance" => "instance_id",
        "aws_instance" => "id",
        "aws_spot_instance_request" => "spot_instance_id",
        "azurerm_linux_virtual_machine" | "azurerm_windows_virtual_machine" => "virtual_machine_id",
        _ => return,
    };
    if let AgentAuth::InstanceId(id) = &mut agent.auth
        && id.is_empty()
    {
        instance.text(attribute).clone_into(id);
    }
}

/// What is attached to agents.
struct Parts<'a> {
    instances: &'a [Instance],
    graph: &'a Graph,
    agents: Vec<Attachment>,
    /// Places of agents by their own labels.
    places: BTreeMap<String, usize>,
    /// By the labels of dev containers, the places of their agents and theirs there.
    devcontainers: BTreeMap<String, (usize, usize)>,
}

/// Who an app, a script or a variable belongs to.
enum Owner<'a> {
    Agent(&'a mut Agent),
    /// The agent inside it.
    Devcontainer(&'a mut Devcontainer),
}

impl Owner<'_> {
    fn apps(&mut self) -> &mut Vec<App> {
        match self {
            Self::Agent(agent) => &mut agent.apps,
            Self::Devcontainer(container) => &mut container.apps,
        }
    }

    fn scripts(&mut self) -> &mut Vec<Script> {
        match self {
            Self::Agent(agent) => &mut agent.scripts,
            Self::Devcontainer(container) => &mut container.scripts,
        }
    }

    fn envs(&mut self) -> &mut Vec<Env> {
        match self {
            Self::Agent(agent) => &mut agent.extra_envs,
            Self::Devcontainer(container) => &mut container.envs,
        }
    }
}

impl Parts<'_> {
    fn attach_all(&mut self) -> Result<()> {
        self.find_devcontainers()?;
        self.attach(attributes::AgentInstance::TYPE_NAME, |owner, _, values| {
            let values: attributes::AgentInstance = values;
            if let Owner::Agent(agent) = owner
                && let AgentAuth::InstanceId(id) = &mut agent.auth
            {
                *id = values.instance_id.unwrap_or_default();
            }
            Ok(())
        })?;
        let mut slugs: BTreeMap<String, String> = BTreeMap::new();
        self.attach(attributes::App::TYPE_NAME, |owner, instance, values| {
            let app = read_app(instance, values)?;
            let address = instance.address.clone();
            if let Some(other) = slugs.insert(app.slug.clone(), address.clone()) {
                let slug = &app.slug;
                let text = format!("two apps have the slug {slug:?}: {other} and {address}");
                return Err(invalid(text));
            }
            owner.apps().push(app);
            Ok(())
        })?;
        self.attach(attributes::Script::TYPE_NAME, |owner, _, values| {
            owner.scripts().push(read_script(values));
            Ok(())
        })?;
        self.attach(attributes::Env::TYPE_NAME, |owner, instance, values| {
            owner.envs().push(read_env(instance, values)?);
            Ok(())
        })
    }

    fn find_devcontainers(&mut self) -> Result<()> {
        for instance in sorted(self.instances, attributes::Devcontainer::TYPE_NAME) {
            let container = read_devcontainer(instance)?;
            let Some((place, None)) = self.owner_of(instance) else {
                continue;
            };
            if let Some(attached) = self.agents.get_mut(place) {
                let containers = &mut attached.agent.devcontainers;
                self.devcontainers
                    .insert(instance.label(), (place, containers.len()));
                containers.push(container);
            }
        }
        Ok(())
    }

    /// Gives each instance of a type to its owner, by address.
    fn attach<T: DeserializeOwned>(
        &mut self,
        kind: &'static str,
        mut add: impl FnMut(&mut Owner<'_>, &Instance, T) -> Result<()>,
    ) -> Result<()> {
        for instance in sorted(self.instances, kind) {
            let values = instance.attributes::<T>()?;
            let Some((place, container)) = self.owner_of(instance) else {
                continue;
            };
            let Some(Attachment { agent, .. }) = self.agents.get_mut(place) else {
                continue;
            };
            let owner = match container {
                None => Some(Owner::Agent(agent)),
                Some(place) => agent.devcontainers.get_mut(place).map(Owner::Devcontainer),
            };
            if let Some(mut owner) = owner {
                add(&mut owner, instance, values)?;
            }
        }
        Ok(())
    }

    /// The place of the agent, and of the dev container on it, that an instance names by id, or
    /// while ids are not known, that it depends on.
    fn owner_of(&self, instance: &Instance) -> Option<(usize, Option<usize>)> {
        let id = instance.text("agent_id");
        if !id.is_empty() {
            return self.agents.iter().enumerate().find_map(|(place, found)| {
                let agent = &found.agent;
                if agent.id == id {
                    return Some((place, None));
                }
                let mut containers = agent.devcontainers.iter();
                let inside = containers.position(|container| container.subagent_id == id)?;
                Some((place, Some(inside)))
            });
        }
        let container = |label: &str| {
            let (agent, inside) = self.devcontainers.get(label)?;
            Some((*agent, Some(*inside)))
        };
        let agent = |label: &str| Some((*self.places.get(label)?, None));
        let owner = |label: &str| container(label).or_else(|| agent(label));
        let own = instance.label();
        let nearest = self
            .graph
            .nearest(&own, Direction::ToDependencies, |label| {
                owner(label).is_some()
            });
        // What depends on a dev container and on its agent belongs to the dev container.
        let inside = nearest.iter().find_map(|label| container(label));
        inside.or_else(|| owner(nearest.first()?))
    }
}

/// Instances of one type by address.
fn sorted<'a>(instances: &'a [Instance], kind: &'static str) -> Vec<&'a Instance> {
    let mut sorted: Vec<&Instance> = of_kind(instances, kind).collect();
    sorted.sort_by(|one, other| one.address.cmp(&other.address));
    sorted
}

/// Letters and digits with single hyphens between them.
fn check_name(name: &str) -> Result<()> {
    let good = name
        .split('-')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if good {
        return Ok(());
    }
    Err(invalid(format!(
        "the agent name {name:?} is not made of letters and digits with single hyphens between them"
    )))
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::InvalidTemplate, text)
}

/// A word of a closed set, or the one that stands for "not given".
fn word<T: FromStr>(text: Option<String>, default: T, instance: &Instance) -> Result<T> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| invalid(format!("{}: unknown {text:?}", instance.address))),
    }
}

fn read_agent(instance: &Instance) -> Result<Agent> {
    let mut values: attributes::Agent = instance.attributes()?;
    let auth = match values.auth.as_deref() {
        None | Some("" | "token") => {
            AgentAuth::Token(Secret::new(values.token.take().unwrap_or_default()))
        }
        Some(_) => AgentAuth::InstanceId(String::new()),
    };
    let behavior = word(
        values.startup_script_behavior.take(),
        StartupScriptBehavior::NonBlocking,
        instance,
    )?;
    let apps = values.display_apps_or_default();
    let scripts = legacy_scripts(&mut values, behavior);
    let monitoring = read_monitoring(values.resources_monitoring);
    Ok(Agent {
        id: values.id.unwrap_or_default(),
        name: instance.name.clone(),
        operating_system: values.os.unwrap_or_default(),
        architecture: values.arch.unwrap_or_default(),
        directory: values.dir.unwrap_or_default(),
        env: values.env.unwrap_or_default(),
        extra_envs: Vec::new(),
        auth,
        apps: Vec::new(),
        scripts,
        metadata: values.metadata.into_iter().map(read_metadata).collect(),
        display_apps: DisplayApps {
            vscode: apps.vscode.unwrap_or_default(),
            vscode_insiders: apps.vscode_insiders.unwrap_or_default(),
            web_terminal: apps.web_terminal.unwrap_or_default(),
            port_forwarding_helper: apps.port_forwarding_helper.unwrap_or_default(),
            ssh_helper: apps.ssh_helper.unwrap_or_default(),
        },
        connection_timeout_seconds: to_i32(
            values
                .connection_timeout
                .or(Some(DEFAULT_CONNECTION_TIMEOUT)),
        ),
        troubleshooting_url: values.troubleshooting_url.unwrap_or_default(),
        motd_file: values.motd_file.unwrap_or_default(),
        order: values.order.unwrap_or_default(),
        api_key_scope: values.api_key_scope.unwrap_or_else(|| "all".to_owned()),
        startup_script_behavior: behavior,
        devcontainers: Vec::new(),
        resources_monitoring: monitoring,
    })
}

/// The scripts that are attributes of the agent itself.
fn legacy_scripts(values: &mut attributes::Agent, behavior: StartupScriptBehavior) -> Vec<Script> {
    let given = |script: Option<String>| script.filter(|script| !script.is_empty());
    let start = given(values.startup_script.take()).map(|script| Script {
        display_name: "Startup Script".to_owned(),
        script,
        run_on_start: true,
        start_blocks_login: behavior == StartupScriptBehavior::Blocking,
        log_path: "coder-startup-script.log".to_owned(),
        ..Script::default()
    });
    let stop = given(values.shutdown_script.take()).map(|script| Script {
        display_name: "Shutdown Script".to_owned(),
        script,
        run_on_stop: true,
        log_path: "coder-shutdown-script.log".to_owned(),
        ..Script::default()
    });
    start.into_iter().chain(stop).collect()
}

fn read_metadata(values: attributes::AgentMetadata) -> AgentMetadata {
    AgentMetadata {
        key: values.key.unwrap_or_default(),
        display_name: values.display_name.unwrap_or_default(),
        script: values.script.unwrap_or_default(),
        interval: values.interval.unwrap_or_default(),
        timeout: values.timeout.unwrap_or_default(),
        order: values.order.unwrap_or_default(),
    }
}

fn read_app(instance: &Instance, values: attributes::App) -> Result<App> {
    let slug = values.slug.unwrap_or_default();
    let display_name = values.display_name.filter(|name| !name.is_empty());
    let healthcheck = values
        .healthcheck
        .into_iter()
        .next()
        .map(|check| Healthcheck {
            url: check.url.unwrap_or_default(),
            interval: to_i32(check.interval),
            threshold: to_i32(check.threshold),
        });
    Ok(App {
        id: values.id.unwrap_or_default(),
        display_name: display_name.unwrap_or_else(|| slug.clone()),
        slug,
        icon: values.icon.unwrap_or_default(),
        url: values.url.unwrap_or_default(),
        command: values.command.unwrap_or_default(),
        external: values.external.unwrap_or_default(),
        subdomain: values.subdomain.unwrap_or_default(),
        sharing_level: word(values.share, SharingLevel::Owner, instance)?,
        healthcheck,
        order: values.order.unwrap_or_default(),
        group: values.group.unwrap_or_default(),
        hidden: values.hidden.unwrap_or_default(),
        open_in: word(values.open_in, OpenIn::SlimWindow, instance)?,
        tooltip: values.tooltip.unwrap_or_default(),
    })
}

fn read_script(values: attributes::Script) -> Script {
    Script {
        display_name: values.display_name.unwrap_or_default(),
        icon: values.icon.unwrap_or_default(),
        script: values.script.unwrap_or_default(),
        cron: values.cron.unwrap_or_default(),
        run_on_start: values.run_on_start.unwrap_or_default(),
        run_on_stop: values.run_on_stop.unwrap_or_default(),
        start_blocks_login: values.start_blocks_login.unwrap_or_default(),
        timeout_seconds: to_i32(values.timeout),
        log_path: values.log_path.unwrap_or_default(),
    }
}

fn read_env(instance: &Instance, values: attributes::Env) -> Result<Env> {
    let strategies = BTreeMap::from([
        ("replace", EnvMergeStrategy::Replace),
        ("append", EnvMergeStrategy::Append),
        ("prepend", EnvMergeStrategy::Prepend),
        ("error", EnvMergeStrategy::Error),
    ]);
    let strategy = values
        .merge_strategy
        .unwrap_or_else(|| "replace".to_owned());
    let merge_strategy = strategies.get(strategy.as_str()).copied();
    Ok(Env {
        name: values.name.unwrap_or_default(),
        value: values.value.unwrap_or_default(),
        merge_strategy: merge_strategy
            .ok_or_else(|| invalid(format!("{}: unknown {strategy:?}", instance.address)))?,
    })
}

//! From Terraform's description of a template to the resources of a workspace.
//!
//! Pure: the same input always gives the same resources, in the same order.

use std::collections::{BTreeMap, BTreeSet};

use super::agent_parts;
use super::agents::{self, Agents, Attachment};
use super::graph::{Direction, Graph};
use super::parameters;
use super::show::{Instance, Mode};
use crate::attributes;
use crate::protocol::{
    AiTask, ExternalAuthProvider, MAX_RESOURCES, Preset, Resource, ResourceMetadata,
};
use crate::{Error, ErrorKind, Result};
use coder_core::parameter::RichParameter;

/// What a template makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Converted {
    /// Resources by address, with their agents.
    pub resources: Vec<Resource>,
    /// Parameters in order of appearance.
    pub rich_parameters: Vec<RichParameter>,
    /// Presets in order of appearance.
    pub presets: Vec<Preset>,
    /// External logins by id.
    pub external_auth_providers: Vec<ExternalAuthProvider>,
    /// Tags that choose the provisioner of builds, as far as Terraform has evaluated them.
    #[serde(default)]
    pub workspace_tags: BTreeMap<String, String>,
    /// The task that the workspace works on.
    #[serde(default)]
    pub ai_task: Option<AiTask>,
    /// Names of agents on which no resource depends, so that they run nowhere.
    #[serde(default)]
    pub agents_left_out: Vec<String>,
}

impl Converted {
    /// Sum of the resources' daily costs.
    #[must_use]
    pub fn daily_cost(&self) -> i32 {
        Resource::total_daily_cost(&self.resources)
    }

    /// What presets set that is no parameter of the template: the preset's name and the parameter's.
    pub fn unknown_preset_values(&self) -> impl Iterator<Item = (&str, &str)> {
        let known = |name: &str| self.rich_parameters.iter().any(|one| one.name == name);
        let values = self.presets.iter().flat_map(|preset| {
            let values = preset.parameters.iter();
            values.map(|value| (preset.name.as_str(), value.name.as_str()))
        });
        values.filter(move |(_, name)| !known(name))
    }
}

/// Types that describe other resources and are none themselves.
const DESCRIPTIONS: &[&str] = &[
    attributes::Script::TYPE_NAME,
    attributes::Agent::TYPE_NAME,
    attributes::AgentInstance::TYPE_NAME,
    attributes::App::TYPE_NAME,
    attributes::Metadata::TYPE_NAME,
];

/// Puts together what `instances` and their `graph` say.
///
/// # Errors
/// [`ErrorKind::InvalidTemplate`] for bad or duplicate names, for two descriptions of one
/// resource, and for more than [`MAX_RESOURCES`] instances.
pub fn convert(instances: &[Instance], graph: &Graph) -> Result<Converted> {
    if instances.len() > MAX_RESOURCES {
        let text = format!("the template has more than {MAX_RESOURCES} resources");
        return Err(Error::new(ErrorKind::InvalidTemplate, text));
    }
    let managed = |instance: &&Instance| instance.mode == Mode::Managed;
    let mut resources: BTreeMap<&str, (&Instance, Resource)> = instances
        .iter()
        .filter(managed)
        .filter(|instance| !DESCRIPTIONS.contains(&instance.kind.as_str()))
        .map(|instance| {
            (
                instance.address.as_str(),
                (instance, bare_resource(instance)),
            )
        })
        .collect();
    let mut labels: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (address, (instance, _)) in &resources {
        labels.entry(instance.label()).or_default().push(address);
    }
    let Agents { attached, left_out } = agents::agents(instances, graph)?;
    for Attachment { label, mut agent } in attached {
        // All instances of a block share the label; the agent runs on the first.
        let first = labels.get(&label).and_then(|addresses| addresses.first());
        let found = first.and_then(|address| resources.get_mut(*address));
        if let Some((instance, resource)) = found {
            agents::fill_instance_id(&mut agent, instance);
            resource.agents.push(agent);
        }
    }
    describe(instances, graph, &labels, &mut resources)?;
    let ai_task = agent_parts::ai_task(instances)?;
    Ok(Converted {
        resources: resources
            .into_values()
            .map(|(_, resource)| resource)
            .collect(),
        rich_parameters: parameters::rich_parameters(instances)?,
        presets: parameters::presets(instances)?,
        external_auth_providers: parameters::external_auth_providers(instances)?,
        workspace_tags: parameters::workspace_tags(instances)?,
        ai_task,
        agents_left_out: left_out,
    })
}

fn bare_resource(instance: &Instance) -> Resource {
    let size = match instance.kind.as_str() {
        "google_compute_instance" => "machine_type",
        "aws_instance" | "aws_spot_instance_request" => "instance_type",
        "azurerm_linux_virtual_machine" | "azurerm_windows_virtual_machine" => "size",
        _ => "",
    };
    Resource {
        name: instance.name.clone(),
        kind: instance.kind.clone(),
        instance_type: instance.text(size).to_owned(),
        module_path: instance.module.clone(),
        ..Resource::default()
    }
}

/// Applies each `coder_metadata` to the resource nearest to it.
fn describe(
    instances: &[Instance],
    graph: &Graph,
    labels: &BTreeMap<String, Vec<&str>>,
    resources: &mut BTreeMap<&str, (&Instance, Resource)>,
) -> Result<()> {
    let mut described = BTreeSet::new();
    for metadata in instances
        .iter()
        .filter(|found| found.kind == attributes::Metadata::TYPE_NAME)
    {
        let values: attributes::Metadata = metadata.attributes()?;
        let is_resource = |label: &str| labels.contains_key(label);
        let nearest = graph.nearest(&metadata.label(), Direction::ToDependencies, is_resource);
        let Some(candidates) = nearest.first().and_then(|label| labels.get(label)) else {
            continue;
        };
        let same_id = |address: &&&str| {
            let id = values.resource_id.as_deref();
            let instance = resources.get(**address).map(|(instance, _)| instance);
            id.zip(instance)
                .is_some_and(|(id, instance)| instance.text("id") == id)
        };
        // With several instances of one block, the id tells which is meant, once it is known.
        let target = candidates.iter().find(same_id).or(candidates.first());
        let Some((address, (_, resource))) =
            target.and_then(|target| Some((*target, resources.get_mut(*target)?)))
        else {
            continue;
        };
        if !described.insert(address) {
            let text = format!(
                "{address} has more than one coder_metadata: {} comes second",
                metadata.address
            );
            return Err(Error::new(ErrorKind::InvalidTemplate, text));
        }
        resource.hide = values.hide.unwrap_or_default();
        resource.icon = values.icon.unwrap_or_default();
        resource.daily_cost = to_i32(values.daily_cost);
        resource.metadata = values
            .item
            .into_iter()
            .map(|item| ResourceMetadata {
                key: item.key.unwrap_or_default(),
                value: item.value,
                sensitive: item.sensitive.unwrap_or_default(),
            })
            .collect();
    }
    Ok(())
}

/// The nearest 32-bit number.
pub(super) fn to_i32(number: Option<i64>) -> i32 {
    let number = number.unwrap_or_default();
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Agent, AgentAuth, EnvMergeStrategy};
    use coder_core::parameter::ParameterType;
    use serde_json::{Value, json};

    fn managed(address: &str, values: Value) -> Instance {
        instance(address, Mode::Managed, values)
    }

    fn data(address: &str, values: Value) -> Instance {
        instance(&format!("data.{address}"), Mode::Data, values)
    }

    fn instance(address: &str, mode: Mode, values: Value) -> Instance {
        let plain = address.split('[').next().unwrap();
        let (rest, name) = plain.rsplit_once('.').unwrap();
        let (module, kind) = rest.rsplit_once('.').unwrap_or(("", rest));
        Instance {
            address: address.into(),
            module: module.trim_end_matches("data").trim_end_matches('.').into(),
            mode,
            kind: kind.into(),
            name: name.into(),
            values,
        }
    }

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let lines: Vec<_> = edges
            .iter()
            .map(|(from, to)| format!("\"[root] {from} (expand)\" -> \"[root] {to} (expand)\""))
            .collect();
        Graph::parse(&lines.join("\n"))
    }

    fn agent(name: &str, id: &str) -> Instance {
        let values = json!({
            "id": id, "os": "linux", "arch": "amd64", "auth": "token", "token": format!("t-{id}"),
            "connection_timeout": 120, "env": null,
        });
        managed(&format!("coder_agent.{name}"), values)
    }

    /// One agent on one container.
    fn simple(mut more: Vec<Instance>) -> Result<Converted> {
        let mut edges = vec![("docker_container.main", "coder_agent.main")];
        let labels: Vec<String> = more.iter().map(Instance::label).collect();
        for label in labels.iter().filter(|label| label.starts_with("coder_")) {
            edges.push((label, "coder_agent.main"));
        }
        let graph = graph(&edges);
        more.push(agent("main", "a"));
        more.push(managed("docker_container.main[0]", json!({ "id": "c" })));
        convert(&more, &graph)
    }

    /// The agent of a simple template.
    fn main_agent(converted: &Converted) -> &Agent {
        let main = converted
            .resources
            .iter()
            .find(|found| found.name == "main")
            .unwrap();
        &main.agents[0]
    }

    fn refused(result: Result<Converted>, reason: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidTemplate);
        assert!(error.to_string().contains(reason), "{error}");
    }

    #[test]
    fn an_agent_runs_on_the_nearest_resource_that_depends_on_it() {
        let instances = [
            agent("main", "a"),
            managed("docker_volume.home", json!({})),
            managed("docker_container.dev[0]", json!({})),
            managed("docker_network.far", json!({})),
            managed("coder_app.web", json!({ "agent_id": "a", "slug": "web" })),
        ];
        let graph = graph(&[
            ("local.script", "coder_agent.main"),
            ("docker_container.dev", "local.script"),
            ("docker_container.dev", "docker_volume.home"),
            ("docker_network.far", "docker_container.dev"),
            ("coder_app.web", "coder_agent.main"),
        ]);
        let converted = convert(&instances, &graph).unwrap();
        let agents: Vec<_> = converted
            .resources
            .iter()
            .map(|found| (found.name.as_str(), found.agents.len()))
            .collect();
        assert_eq!(agents, [("dev", 1), ("far", 0), ("home", 0)]);
        let agent = &converted.resources[0].agents[0];
        assert_eq!(
            agent.auth,
            AgentAuth::Token(coder_core::secret::Secret::new("t-a"))
        );
        assert_eq!(agent.apps[0].display_name, "web");
        assert!(agent.display_apps.vscode);
    }

    #[test]
    fn an_agent_that_runs_nowhere_is_left_out() {
        let instances = [agent("main", "a"), managed("docker_volume.home", json!({}))];
        let converted = convert(&instances, &graph(&[])).unwrap();
        assert_eq!(converted.resources.len(), 1);
        assert!(converted.resources[0].agents.is_empty());
        assert_eq!(converted.agents_left_out, ["main"]);
        assert!(simple(Vec::new()).unwrap().agents_left_out.is_empty());
    }

    #[test]
    fn bad_and_duplicate_names_are_refused() {
        let named = |names: &[&str]| {
            let instances: Vec<_> = names.iter().map(|name| agent(name, name)).collect();
            convert(&instances, &graph(&[]))
        };
        refused(named(&["under_score"]), "under_score");
        refused(named(&["a--b"]), "a--b");
        refused(
            named(&["Main", "main"]),
            "coder_agent.Main and coder_agent.main",
        );
        assert!(named(&["a-b", "B2"]).is_ok());
        let app = |name: &str| {
            managed(
                &format!("coder_app.{name}"),
                json!({ "agent_id": "a", "slug": "same" }),
            )
        };
        let twice = simple(vec![app("one"), app("two")]);
        refused(twice, "\"same\": coder_app.one and coder_app.two");
    }

    #[test]
    fn parts_find_their_agent_by_the_graph_while_ids_are_unknown() {
        let converted = simple(vec![
            managed(
                "coder_app.web",
                json!({ "slug": "web", "url": "http://localhost:1" }),
            ),
            managed(
                "coder_script.setup",
                json!({ "display_name": "Setup", "run_on_start": true }),
            ),
            managed("coder_env.path", json!({ "name": "P", "value": "1" })),
        ])
        .unwrap();
        let agent = main_agent(&converted);
        assert_eq!(agent.apps.len(), 1);
        assert_eq!(agent.scripts[0].display_name, "Setup");
        assert_eq!(agent.extra_envs[0].name, "P");
        let other = simple(vec![managed(
            "coder_app.web",
            json!({ "slug": "web", "agent_id": "other" }),
        )]);
        assert!(main_agent(&other.unwrap()).apps.is_empty());
    }

    #[test]
    fn scripts_of_the_agent_itself_become_scripts() {
        let mut main = agent("main", "a");
        main.values["startup_script"] = json!("echo hi");
        main.values["startup_script_behavior"] = json!("blocking");
        main.values["shutdown_script"] = json!("echo bye");
        let instances = [main, managed("docker_container.main", json!({}))];
        let graph = graph(&[("docker_container.main", "coder_agent.main")]);
        let converted = convert(&instances, &graph).unwrap();
        let scripts: Vec<_> = converted.resources[0].agents[0]
            .scripts
            .iter()
            .map(|script| {
                (
                    script.display_name.as_str(),
                    script.run_on_start,
                    script.start_blocks_login,
                )
            })
            .collect();
        assert_eq!(
            scripts,
            [
                ("Startup Script", true, true),
                ("Shutdown Script", false, false)
            ]
        );
    }

    #[test]
    fn instance_ids_come_from_their_resource_or_their_cloud() {
        let mut main = agent("main", "a");
        main.values["auth"] = json!("aws-instance-identity");
        let machine = managed(
            "aws_instance.dev",
            json!({ "id": "i-1", "instance_type": "t3" }),
        );
        let graph = graph(&[("aws_instance.dev", "coder_agent.main")]);
        let auto = convert(&[main.clone(), machine.clone()], &graph).unwrap();
        assert_eq!(auto.resources[0].instance_type, "t3");
        assert_eq!(
            auto.resources[0].agents[0].auth,
            AgentAuth::InstanceId("i-1".into())
        );
        let link = managed(
            "coder_agent_instance.x",
            json!({ "agent_id": "a", "instance_id": "i-2" }),
        );
        let linked = convert(&[main, machine, link], &graph).unwrap();
        assert_eq!(
            linked.resources[0].agents[0].auth,
            AgentAuth::InstanceId("i-2".into())
        );
    }

    #[test]
    fn metadata_describes_the_nearest_resource_once() {
        let metadata = |name: &str| {
            managed(
                &format!("coder_metadata.{name}"),
                json!({ "resource_id": "v", "hide": true, "icon": "/i.svg", "daily_cost": 29,
                    "item": [{ "key": "size", "value": "10 GB" },
                             { "key": "ip", "value": null, "is_null": true, "sensitive": true }] }),
            )
        };
        let volume = managed("docker_volume.home", json!({ "id": "v" }));
        let graph = graph(&[
            ("coder_metadata.one", "docker_volume.home"),
            ("coder_metadata.two", "docker_volume.home"),
        ]);
        let converted = convert(&[volume.clone(), metadata("one")], &graph).unwrap();
        assert_eq!(converted.daily_cost(), 29);
        let described = &converted.resources[0];
        assert!(described.hide);
        let items: Vec<_> = described
            .metadata
            .iter()
            .map(|item| (item.key.as_str(), item.value.as_deref(), item.sensitive))
            .collect();
        assert_eq!(items, [("size", Some("10 GB"), false), ("ip", None, true)]);
        refused(
            convert(&[volume, metadata("one"), metadata("two")], &graph),
            "more than one",
        );
    }

    #[test]
    fn a_variable_that_may_be_set_once_is_refused_twice() {
        let env = |name: &str| {
            managed(
                &format!("coder_env.{name}"),
                json!({ "agent_id": "a", "name": "X", "value": name, "merge_strategy": "error" }),
            )
        };
        let once = simple(vec![env("one")]).unwrap();
        let strategy = main_agent(&once).extra_envs[0].merge_strategy;
        assert_eq!(strategy, EnvMergeStrategy::Error);
        refused(simple(vec![env("one"), env("two")]), "set twice");
    }

    #[test]
    fn parameters_presets_and_logins_are_read() {
        let converted = simple(vec![
            data(
                "coder_parameter.size",
                json!({ "name": "size", "type": "number", "form_type": "slider", "optional": true,
                    "default": "2", "mutable": true, "option": [],
                    "validation": [{ "min": 1, "max": 0, "max_disabled": true,
                        "monotonic": "increasing", "regex": "", "error": "" }] }),
            ),
            data(
                "coder_parameter.repo",
                json!({ "name": "repo", "optional": false }),
            ),
            data(
                "coder_workspace_preset.big",
                json!({ "name": "Big", "default": true,
                "parameters": { "size": "8", "unknown": "x" } }),
            ),
            data(
                "coder_external_auth.a",
                json!({ "id": "github", "optional": true }),
            ),
            data("coder_external_auth.b", json!({ "id": "github" })),
        ])
        .unwrap();
        let [size, repo] = converted.rich_parameters.as_slice() else {
            panic!("two parameters")
        };
        assert_eq!(
            (size.kind, size.default_value.as_str()),
            (ParameterType::Number, "2")
        );
        assert_eq!((size.validation_min, size.validation_max), (Some(1), None));
        assert!(!size.required && repo.required);
        assert_eq!(converted.presets[0].parameters[0].value, "8");
        let unknown: Vec<_> = converted.unknown_preset_values().collect();
        assert_eq!(unknown, [("Big", "unknown")]);
        let logins = &converted.external_auth_providers;
        assert_eq!((logins.len(), logins[0].optional), (1, false));
        let twice = || data("coder_parameter.x", json!({ "name": "same" }));
        refused(simple(vec![twice(), twice()]), "two parameters");
    }

    #[test]
    fn what_names_the_agent_in_a_dev_container_is_attached_to_that() {
        let main = || managed("docker_container.main", json!({}));
        let graph = graph(&[
            ("docker_container.main", "coder_agent.main"),
            ("coder_devcontainer.project", "coder_agent.main"),
            ("coder_app.inside", "coder_devcontainer.project"),
            ("coder_script.inside", "coder_devcontainer.project"),
            ("coder_env.inside", "coder_devcontainer.project"),
            ("coder_env.inside", "coder_agent.main"),
            ("coder_app.outside", "coder_agent.main"),
        ]);
        let parts = |agent_id: Value, subagent_id: Value| {
            [
                managed(
                    "coder_devcontainer.project",
                    json!({ "agent_id": agent_id, "workspace_folder": "/src", "subagent_id": subagent_id }),
                ),
                managed(
                    "coder_app.inside",
                    json!({ "agent_id": subagent_id, "slug": "in" }),
                ),
                managed(
                    "coder_app.outside",
                    json!({ "agent_id": agent_id, "slug": "out" }),
                ),
                managed("coder_script.inside", json!({ "agent_id": subagent_id })),
                managed(
                    "coder_env.inside",
                    json!({ "agent_id": subagent_id, "name": "A" }),
                ),
            ]
        };
        // While ids are not known, and when they are.
        for (agent_id, subagent_id) in [(Value::Null, Value::Null), (json!("a"), json!("s"))] {
            let mut instances = vec![agent("main", "a"), main()];
            instances.extend(parts(agent_id, subagent_id));
            let converted = convert(&instances, &graph).unwrap();
            let agent = main_agent(&converted);
            assert_eq!(agent.apps.len(), 1);
            assert_eq!(agent.apps[0].slug, "out");
            assert!(agent.scripts.is_empty() && agent.extra_envs.is_empty());
            let inside = &agent.devcontainers[0];
            assert_eq!(inside.workspace_folder, "/src");
            assert_eq!(inside.apps[0].slug, "in");
            assert_eq!((inside.scripts.len(), inside.envs.len()), (1, 1));
        }
    }

    #[test]
    fn monitors_tags_and_the_task_are_read() {
        let mut main = agent("main", "a");
        main.values["resources_monitoring"] = json!([{
            "memory": [{ "enabled": true, "threshold": 80 }],
            "volume": [{ "path": "/z", "enabled": false, "threshold": 5 },
                       { "path": "/a", "enabled": true, "threshold": 90 }],
        }]);
        let task = |name: &str| {
            managed(
                &format!("coder_ai_task.{name}"),
                json!({ "id": "t", "app_id": "p", "prompt": "do", "enabled": true }),
            )
        };
        let tags = data(
            "coder_workspace_tags.a",
            json!({ "tags": { "zone": "eu" } }),
        );
        let machine = managed("docker_container.main", json!({}));
        let graph = graph(&[("docker_container.main", "coder_agent.main")]);
        let instances = [main, machine, tags, task("one")];
        let converted = convert(&instances, &graph).unwrap();
        let monitoring = &main_agent(&converted).resources_monitoring;
        assert_eq!(monitoring.memory.as_ref().unwrap().threshold, 80);
        let paths: Vec<_> = monitoring
            .volumes
            .iter()
            .map(|one| one.path.as_str())
            .collect();
        assert_eq!(paths, ["/a", "/z"]);
        assert_eq!(converted.workspace_tags["zone"], "eu");
        assert_eq!(converted.ai_task.as_ref().unwrap().app_id, "p");
        let kinds: Vec<_> = converted
            .resources
            .iter()
            .map(|one| one.kind.as_str())
            .collect();
        assert_eq!(
            kinds,
            ["coder_ai_task", "docker_container"],
            "a task is a resource too"
        );
        let mut twice = instances.to_vec();
        twice.push(task("two"));
        refused(convert(&twice, &graph), "coder_ai_task.two");
    }

    #[test]
    fn an_agent_outside_of_terraform_is_on_its_mark() {
        let mark = managed("coder_external_agent.far", json!({ "agent_id": "a" }));
        let graph = graph(&[("coder_external_agent.far", "coder_agent.main")]);
        let converted = convert(&[agent("main", "a"), mark], &graph).unwrap();
        assert_eq!(converted.resources[0].kind, "coder_external_agent");
        assert_eq!(converted.resources[0].agents.len(), 1);
    }

    #[test]
    fn presets_have_names_of_their_own_and_one_default() {
        let preset = |name: &str, default: bool| {
            let values = json!({ "name": name, "default": default });
            data(&format!("coder_workspace_preset.{name}"), values)
        };
        assert!(simple(vec![preset("a", true), preset("b", false)]).is_ok());
        refused(
            simple(vec![preset("a", true), preset("b", true)]),
            "default",
        );
        refused(
            simple(vec![preset("a", false), preset("a", false)]),
            "two presets",
        );
    }

    #[test]
    fn attributes_of_the_wrong_shape_name_their_address() {
        let odd = managed("coder_app.odd", json!({ "slug": ["no"] }));
        refused(simple(vec![odd]), "coder_app.odd");
    }

    #[test]
    fn the_largest_template_is_converted_in_time() {
        let (agents, apps) = (1_000, 2_000);
        let (mut instances, mut lines) = (Vec::new(), String::new());
        let mut edge = |from: &str, to: &str| {
            lines.push_str(&format!("\"{from} (expand)\" -> \"{to} (expand)\"\n"));
        };
        for number in 0..agents {
            instances.push(agent(&format!("a{number}"), ""));
            instances.push(managed(&format!("docker_container.c{number}"), json!({})));
            let (own, container) = (
                format!("coder_agent.a{number}"),
                format!("docker_container.c{number}"),
            );
            // All depend on one local, and each container on the one before.
            edge(&own, "local.all");
            edge(&container, &own);
            edge(&container, &format!("docker_container.c{}", number + 1));
        }
        for number in 0..apps {
            let name = format!("coder_app.p{number}");
            instances.push(managed(&name, json!({ "slug": format!("s{number}") })));
            edge(&name, "local.everything");
            edge(
                "local.everything",
                &format!("coder_agent.a{}", number % agents),
            );
        }
        let begun = std::time::Instant::now();
        let graph = Graph::parse(&lines);
        let converted = convert(&instances, &graph).unwrap();
        let took = begun.elapsed();
        eprintln!("{} resources in {took:?}", converted.resources.len());
        assert!(took < std::time::Duration::from_secs(15), "{took:?}");
    }
}

//! Templates of every shape: several agents, modules, `count`, `for_each` and dynamic blocks, all types and
//! controls of parameters, variables, and everything that can be attached to an agent or a resource.

use coder_tests::{Deployment, poll, wait_for};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path, time::Duration};

const AGENT: Duration = Duration::from_secs(60);

/// Resources by the name of their only agent, or by their own.
struct Build(Value);

impl Build {
    fn latest(deployment: &Deployment) -> Self {
        let (status, workspace) = deployment.api("GET", "/api/v2/users/me/workspace/dev", None);
        assert_eq!(status, 200, "{workspace}");
        Self(workspace["latest_build"].clone())
    }

    fn resources(&self) -> &[Value] {
        self.0["resources"].as_array().map_or(&[], Vec::as_slice)
    }

    fn agents(&self) -> BTreeMap<&str, &Value> {
        let agents = self
            .resources()
            .iter()
            .filter_map(|one| one["agents"].as_array());
        let named = |agent: &'_ Value| agent["name"].as_str().map(str::to_owned);
        assert!(agents.clone().flatten().all(|agent| named(agent).is_some()));
        agents
            .flatten()
            .map(|agent| (agent["name"].as_str().expect("checked"), agent))
            .collect()
    }

    fn resource(&self, kind: &str, name: &str) -> Vec<&Value> {
        let wanted = |one: &&Value| one["type"] == kind && one["name"] == name;
        self.resources().iter().filter(wanted).collect()
    }
}

/// Whether the start is over. Its dev container cannot be started where `devcontainer` is missing.
fn has_started(agent: &Value) -> bool {
    let state = agent["lifecycle_state"].as_str();
    ["ready", "start_error"].map(Some).contains(&state)
}

fn apps(agent: &Value) -> BTreeMap<&str, &Value> {
    let apps = agent["apps"].as_array().expect("a list");
    apps.iter()
        .map(|app| (app["slug"].as_str().expect("a slug"), app))
        .collect()
}

fn push(deployment: &Deployment, folder: &Path, more: &[&str]) -> coder_tests::Outcome {
    let folder = folder.to_str().expect("UTF-8");
    let arguments = [
        "templates",
        "push",
        "shapes",
        "--directory",
        folder,
        "--yes",
    ];
    deployment.coder(&[&arguments[..], more].concat())
}

/// Puts a folder's files into another.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("readable").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn templates() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/templates")
}

#[test]
fn a_template_of_every_shape_lives_through_two_versions() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    let deployment = &deployment;
    let first = templates().join("shapes");
    let refused = push(deployment, &first, &[]);
    assert!(
        refused.code != 0 && refused.stderr.contains("needed"),
        "a variable without a default is asked for: {}",
        refused.stderr
    );
    let pushed = push(deployment, &first, &["--variable", "needed=given"]);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    what_the_import_found(deployment);
    refused_values(deployment);

    deployment.must(&[
        "create",
        "dev",
        "--template",
        "shapes",
        "--preset",
        "none",
        "--yes",
        "--parameter",
        "required=x",
        "--parameter",
        "tags=[\"one\"]",
        "--parameter",
        "once=now",
    ]);
    let build = wait_for("the agent to be ready", AGENT, || {
        let build = Build::latest(deployment);
        let main = *build.agents().get("main")?;
        let apps = apps(main);
        // The scripts have run, and both health checks have told their result.
        let told = has_started(main)
            && apps["web"]["health"] == "healthy"
            && apps["api"]["health"] == "unhealthy";
        told.then_some(build)
    });
    what_a_start_made(&build);
    let shown = deployment.must(&["ssh", "dev.main", "echo $SEARCH:$OWN:$NEEDED:$LIST:$TEXT"]);
    assert_eq!(shown, "/one:/two:agent:given:[1,2]:default\n");
    timings(deployment, &build);
    let volume = volume_id(deployment, &build);

    deployment.must(&["stop", "dev", "--yes"]);
    let stopped = Build::latest(deployment);
    assert!(
        !stopped.agents().contains_key("main"),
        "the machine is gone"
    );
    assert!(stopped.resource("terraform_data", "machine").is_empty());
    assert_eq!(
        stopped.0["daily_cost"], 16,
        "the volume, a box and one of the pair"
    );
    assert_eq!(
        volume_id(deployment, &stopped),
        volume,
        "what is persistent stays"
    );
    let said = deployment.home().join("shapes/dev/said-goodbye");
    wait_for("the stop script to have run", AGENT, || {
        said.exists().then_some(())
    });

    update(deployment, &first, &volume);
    deployment.must(&["delete", "dev", "--yes"]);
    assert_eq!(deployment.coder(&["show", "dev"]).code, 1);
    let left = poll(Duration::from_secs(10), || {
        let agents = deployment.processes();
        let agents = agents
            .iter()
            .filter(|(_, command)| command.contains("coder agent"));
        (agents.count() == 0).then_some(())
    });
    assert!(
        left.is_some(),
        "no agent is left: {:?}",
        deployment.processes()
    );
}

fn version(deployment: &Deployment) -> String {
    let path = "/api/v2/organizations/default/templates/shapes";
    let (_, template) = deployment.api("GET", path, None);
    template["active_version_id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

fn what_the_import_found(deployment: &Deployment) {
    let version = version(deployment);
    let get = |what: &str| {
        let path = format!("/api/v2/templateversions/{version}{what}");
        let (status, value) = deployment.api("GET", &path, None);
        assert_eq!(status, 200, "{value}");
        value
    };
    assert_eq!(get("")["has_external_agent"], true);
    let parameters = get("/rich-parameters");
    let parameters = parameters.as_array().expect("a list");
    let kinds: BTreeMap<&str, String> = parameters
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().expect("a text");
            (
                text("name"),
                format!("{} {}", text("type"), text("form_type")),
            )
        })
        .collect();
    let expected = [
        ("checkbox", "bool checkbox"),
        ("choice", "bool radio"),
        ("count", "number input"),
        ("lists", "list(string) radio"),
        ("once", "string input"),
        ("ports", "number dropdown"),
        ("prose", "string textarea"),
        ("region", "string dropdown"),
        ("required", "string input"),
        ("several", "list(string) multi-select"),
        ("size", "string radio"),
        ("slider", "number slider"),
        ("switch", "bool switch"),
        ("tags", "list(string) tag-select"),
        ("text", "string input"),
    ];
    let kinds: Vec<(&str, &str)> = kinds
        .iter()
        .map(|(name, kind)| (*name, kind.as_str()))
        .collect();
    assert_eq!(kinds, expected);
    let required = parameters.iter().filter(|one| one["required"] == true);
    let required: Vec<_> = required.map(|one| &one["name"]).collect();
    assert_eq!(required, ["required"]);

    let presets = get("/presets");
    assert_eq!(
        (&presets[0]["Name"], &presets[0]["Default"]),
        (&json!("Large"), &json!(true))
    );

    let variables = get("/variables");
    let hidden = variables
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["name"] == "hidden");
    let hidden = hidden.expect("it is declared");
    assert_eq!(
        (&hidden["sensitive"], &hidden["value"]),
        (&json!(true), &json!(""))
    );

    // What is planned for a start is what a start makes, and a stop leaves less.
    let resources = get("/resources");
    let planned = |transition: &str| {
        let all = resources.as_array().expect("a list").iter();
        let mut agents: Vec<_> = all
            .filter(|one| one["workspace_transition"] == transition)
            .filter_map(|one| one["agents"].as_array())
            .flatten()
            .map(|agent| agent["name"].as_str().expect("a name"))
            .collect();
        agents.sort_unstable();
        agents
    };
    // `project` is the agent inside of a dev container, which has an app.
    assert_eq!(
        planned("start"),
        ["counted", "elsewhere", "main", "nested", "project", "side"]
    );
    assert_eq!(planned("stop"), ["elsewhere", "nested", "side"]);
}

/// Values that the template refuses, with what is said of them.
fn refused_values(deployment: &Deployment) {
    for (value, reason) in [
        ("text=UPPER", "Lower-case letters only."),
        ("count=10", "10 is not from 1 to 9."),
        ("size=huge", "size"),
        ("several=[\"z\"]", "several"),
        ("checkbox=maybe", "checkbox"),
        ("slider=11", "slider"),
        ("tags=plain", "tags"),
        ("unknown=1", "unknown"),
    ] {
        let created = deployment.coder(&[
            "create",
            "dev",
            "--template",
            "shapes",
            "--preset",
            "none",
            "--yes",
            "--parameter",
            "required=x",
            "--parameter",
            value,
        ]);
        assert!(
            created.code != 0 && created.stderr.contains(reason),
            "{value}: {}",
            created.stderr
        );
    }
    let missing = deployment.coder(&[
        "create",
        "dev",
        "--template",
        "shapes",
        "--preset",
        "none",
        "--yes",
    ]);
    assert!(
        missing.code != 0 && missing.stderr.contains("required"),
        "{}",
        missing.stderr
    );
}

fn what_a_start_made(build: &Build) {
    assert_eq!(build.0["daily_cost"], 46);
    assert_eq!(build.0["has_external_agent"], true);
    assert_eq!(build.0["has_ai_task"], true);
    let agents = build.agents();
    let names: Vec<_> = agents.keys().copied().collect();
    assert_eq!(
        names,
        ["counted", "elsewhere", "main", "nested", "project", "side"]
    );

    let main = agents["main"];
    assert_eq!(agents["project"]["parent_id"], main["id"]);
    assert_eq!(main["status"], "connected");
    assert_eq!(main["connection_timeout_seconds"], 30);
    assert_eq!(main["troubleshooting_url"], "https://example.com/help");
    assert_eq!(main["startup_script_behavior"], "blocking");
    assert_eq!(
        main["display_apps"],
        json!(["web_terminal", "port_forwarding_helper", "ssh_helper"])
    );
    assert_eq!(main["environment_variables"]["SEARCH"], "/one:/two");
    assert_eq!(agents["side"]["display_apps"], json!([]));
    let scripts = main["scripts"].as_array().expect("a list");
    let states: BTreeMap<_, _> = scripts
        .iter()
        .map(|script| {
            (
                script["display_name"].as_str().expect("a name"),
                &script["status"],
            )
        })
        .collect();
    let (ran, not) = (json!("ok"), Value::Null);
    let expected = [
        ("Nightly", &not),
        ("Shutdown Script", &not),
        ("Startup Script", &ran),
        ("Welcome", &ran),
    ];
    assert_eq!(states, BTreeMap::from(expected));

    // The app of the dev container belongs to the agent inside it, not to this one.
    let apps_of = |agent: &str| {
        apps(agents[agent])
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(apps_of("main"), "api web");
    assert_eq!(
        apps_of("nested"),
        "nested-web top",
        "one is attached through a module's output"
    );
    let main_apps = apps(main);
    let web = main_apps["web"];
    for (field, expected) in [
        ("display_name", json!("Port 8080")),
        ("url", json!("http://localhost:8080")),
        ("subdomain", json!(true)),
        ("sharing_level", json!("authenticated")),
        ("group", json!("Ports")),
        ("tooltip", json!("Port **8080**")),
        ("open_in", json!("tab")),
        ("icon", json!("/icon/web.svg")),
    ] {
        assert_eq!(web[field], expected, "{field}");
    }
    assert_eq!(web["healthcheck"]["interval"], 1);
    assert_eq!(apps(agents["side"])["docs"]["external"], true);
    let top = apps(agents["nested"])["top"].clone();
    assert_eq!(
        (&top["command"], &top["hidden"]),
        (&json!("top"), &json!(true))
    );

    let volume = build.resource("terraform_data", "volume");
    let expected = json!([
        { "key": "size", "value": "small", "sensitive": false },
        { "key": "secret", "value": "hush", "sensitive": true },
        { "key": "unknown", "value": "", "sensitive": false },
    ]);
    assert_eq!(volume[0]["metadata"], expected);
    assert_eq!(volume[0]["daily_cost"], 5);
    let pair = build.resource("terraform_data", "pair");
    let hidden = pair.iter().filter(|one| one["hide"] == true).count();
    assert_eq!(
        (pair.len(), hidden),
        (2, 1),
        "one of two instances is described"
    );
    assert_eq!(build.resource("coder_devcontainer", "project").len(), 1);
}

fn timings(deployment: &Deployment, build: &Build) {
    let id = build.0["id"].as_str().expect("an id");
    let path = format!("/api/v2/workspacebuilds/{id}/timings");
    let (_, timings) = deployment.api("GET", &path, None);
    let texts = |list: &str, field: &str| {
        let list = timings[list].as_array().expect("a list").clone();
        let texts = list
            .iter()
            .map(|one| one[field].as_str().unwrap_or_default().to_owned());
        texts.collect::<std::collections::BTreeSet<_>>()
    };
    let stages = texts("provisioner_timings", "stage");
    for stage in ["init", "plan", "graph", "apply"] {
        assert!(stages.contains(stage), "{stages:?}");
    }
    assert!(texts("provisioner_timings", "resource").contains("terraform_data.machine[0]"));
    let scripts = texts("agent_script_timings", "display_name");
    assert!(
        scripts.contains("Welcome") && scripts.contains("Startup Script"),
        "{scripts:?}"
    );
    assert!(texts("agent_connection_timings", "workspace_agent_name").contains("main"));
}

/// The id that Terraform gave to the volume.
fn volume_id(deployment: &Deployment, build: &Build) -> String {
    let id = build.0["id"].as_str().expect("an id");
    let (_, state) = deployment.api("GET", &format!("/api/v2/workspacebuilds/{id}/state"), None);
    let resources = state["resources"].as_array().expect("a state");
    let volume = resources
        .iter()
        .find(|one| one["name"] == "volume" && one["type"] == "terraform_data");
    let volume = volume.expect("the volume exists");
    volume["instances"][0]["attributes"]["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

/// Starts the stopped workspace from a second version with other parameters.
fn update(deployment: &Deployment, first: &Path, volume: &str) {
    let second = deployment.folder().join("shapes-2");
    copy(first, &second);
    copy(&templates().join("shapes-2"), &second);
    let kept = push(deployment, &second, &[]);
    assert_eq!(kept.code, 0, "variables keep their values: {}", kept.stderr);
    let (_, workspace) = deployment.api("GET", "/api/v2/users/me/workspace/dev", None);
    assert_eq!(workspace["outdated"], true);
    let builds = format!(
        "/api/v2/workspaces/{}/builds",
        workspace["id"].as_str().expect("an id")
    );
    let version = version(deployment);
    let start = |parameters: &[(&str, &str)]| {
        let parameters = parameters
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }));
        let body = json!({
            "transition": "start", "template_version_id": version,
            "rich_parameter_values": parameters.collect::<Vec<_>>(),
        });
        deployment.api("POST", &builds, Some(&body))
    };
    for (name, value) in [("count", "1"), ("region", "as"), ("required", "y")] {
        let (status, refused) = start(&[(name, value)]);
        assert_eq!(status, 400, "{name}={value}: {refused}");
        assert!(refused.to_string().contains(name), "{refused}");
    }
    let update = |values: &[&str]| {
        let values = values.iter().flat_map(|value| ["--parameter", *value]);
        let arguments = ["update", "dev"].into_iter().chain(values);
        deployment.coder(&arguments.collect::<Vec<_>>())
    };
    let refused = update(&["count=1"]);
    assert!(
        refused.code != 0 && refused.stderr.contains("count"),
        "{}",
        refused.stderr
    );
    let updated = update(&["count=3", "text=changed", "fresh=given"]);
    assert_eq!(updated.code, 0, "{}", updated.stderr);
    let build = wait_for("the agent to be ready", AGENT, || {
        let build = Build::latest(deployment);
        assert_ne!(build.0["status"], "failed", "{}", build.0["job"]["error"]);
        let main = build
            .agents()
            .get("main")
            .is_some_and(|main| has_started(main));
        main.then_some(build)
    });
    let names: Vec<_> = build.agents().keys().copied().map(str::to_owned).collect();
    assert_eq!(
        names,
        [
            "added",
            "counted",
            "elsewhere",
            "main",
            "nested",
            "project",
            "side"
        ]
    );
    assert_eq!(
        volume_id(deployment, &build),
        volume,
        "what is persistent stays"
    );
    let shown = deployment.must(&["ssh", "dev.main", "echo $TEXT:$FRESH"]);
    assert_eq!(shown, "changed:given\n");
    let id = build.0["id"].as_str().expect("an id");
    let (_, values) = deployment.api(
        "GET",
        &format!("/api/v2/workspacebuilds/{id}/parameters"),
        None,
    );
    let value = |name: &str| {
        let values = values.as_array().expect("a list");
        values
            .iter()
            .find(|one| one["name"] == name)
            .map(|one| one["value"].clone())
    };
    assert_eq!(value("count"), Some(json!("3")));
    assert_eq!(
        value("required"),
        Some(json!("x")),
        "what was chosen before is kept"
    );
    assert_eq!(value("tags"), Some(json!("[\"one\"]")));
    assert_eq!(
        value("once"),
        Some(json!("no")),
        "an ephemeral value is not kept"
    );
}

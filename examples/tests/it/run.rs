//! Runs the examples.

#![expect(clippy::expect_used, reason = "the helper of tests is a test too")]

/// Runs an example, which was built with the tests, and answers its standard output.
fn run(name: &str, arguments: &[&str]) -> String {
    let test = std::env::current_exe().expect("this test's file");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("deps/ is below the profile's folder");
    let output = std::process::Command::new(folder.join("examples").join(name))
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
        .output();
    let output = output.expect("cargo builds examples with the tests");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn embed() {
    assert_eq!(run("embed", &[]), "dev is running\n");
}

#[test]
fn process_provisioner() {
    assert!(run("process_provisioner", &[]).contains("dev has an agent, which is ready after"));
    let figures = run("process_provisioner", &["--bench", "3"]);
    assert!(
        figures.starts_with("request to agent ready, 3 starts: p50 "),
        "{figures}"
    );
}

#[test]
fn relay() {
    assert_eq!(run("relay", &[]), "Hello from dev\n");
}

#[test]
fn ssh_in_memory() {
    assert_eq!(run("ssh_in_memory", &[]), "HELLO\nand exit code 7\n");
}

#[test]
fn terraform_resources() {
    let files = [
        "--plan",
        "terraform/plan.json",
        "--graph",
        "terraform/graph.dot",
    ];
    let found = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&run("terraform_resources", arguments)).expect("JSON")
    };
    let planned = found(&files);
    assert_eq!(planned["rich_parameters"][0]["name"], "size");
    let names = |converted: &serde_json::Value| -> Vec<String> {
        let resources = converted["resources"].as_array().expect("a list");
        let label = |one: &serde_json::Value| format!("{}.{}", one["type"], one["name"]);
        resources
            .iter()
            .map(|one| label(one).replace('"', ""))
            .collect()
    };
    assert_eq!(
        names(&planned),
        ["terraform_data.home", "terraform_data.machine"]
    );
    let machine = &planned["resources"][1];
    assert_eq!(machine["daily_cost"], 3);
    assert_eq!(machine["agents"][0]["name"], "main");
    assert_eq!(machine["agents"][0]["apps"][0]["slug"], "web");

    // What exists is told with the ids that Terraform gave.
    let built = found(&[&files[..], &["--state", "terraform/state.json"]].concat());
    assert_eq!(names(&built), names(&planned));
    assert_ne!(built["resources"][1]["agents"][0]["id"], "");
}

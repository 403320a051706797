//! Presets: listed, chosen by name or by default, and overridden by what is given.

use coder_tests::Deployment;
use serde_json::{Value, json};

const TEMPLATE: &str = r#"
terraform {
  required_providers {
    coder = { source = "coder/coder" }
  }
}
data "coder_parameter" "size" {
  name    = "size"
  default = "small"
  mutable = true
}
data "coder_parameter" "region" {
  name    = "region"
  default = "eu"
  mutable = true
}
data "coder_workspace_preset" "large" {
  name        = "Large"
  description = "More of everything."
  default     = true
  parameters  = { size = "large" }
}
data "coder_workspace_preset" "far" {
  name       = "Far"
  parameters = { size = "medium", region = "us" }
}
resource "terraform_data" "disk" {
  input = "${data.coder_parameter.size.value}-${data.coder_parameter.region.value}"
}
"#;

/// The parameters of a workspace's newest build, and its preset's id.
fn chosen(deployment: &Deployment, name: &str) -> (Value, Value, Value) {
    let path = format!("/api/v2/users/me/workspace/{name}");
    let (_, workspace) = deployment.api("GET", &path, None);
    let build = &workspace["latest_build"];
    let id = build["id"].as_str().expect("an id");
    let path = format!("/api/v2/workspacebuilds/{id}/parameters");
    let (_, values) = deployment.api("GET", &path, None);
    let value = |name: &str| {
        let mut values = values.as_array().expect("a list").iter();
        let found = values.find(|one| one["name"] == name).expect("it is there");
        found["value"].clone()
    };
    (
        value("size"),
        value("region"),
        build["template_version_preset_id"].clone(),
    )
}

#[test]
fn presets_are_listed_and_chosen() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    let pushed = deployment.push("sized", TEMPLATE);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    let listed = deployment.must(&["templates", "presets", "list", "sized"]);
    assert!(
        listed.contains("Large") && listed.contains("region=us"),
        "{listed}"
    );

    deployment.must(&["create", "default", "--template", "sized", "--yes"]);
    let (size, region, preset) = chosen(&deployment, "default");
    assert_eq!((size, region), (json!("large"), json!("eu")));
    assert!(preset.is_string(), "the build knows its preset");

    let far = [
        "create",
        "far",
        "--template",
        "sized",
        "--preset",
        "Far",
        "--yes",
    ];
    deployment.must(&far);
    let (size, region, other) = chosen(&deployment, "far");
    assert_eq!((size, region), (json!("medium"), json!("us")));
    assert_ne!(preset, other);

    let none = [
        "create",
        "none",
        "--template",
        "sized",
        "--preset",
        "none",
        "--yes",
    ];
    deployment.must(&[&none[..], &["--parameter", "region=as"]].concat());
    let (size, region, preset) = chosen(&deployment, "none");
    assert_eq!(
        (size, region, preset),
        (json!("small"), json!("as"), Value::Null)
    );

    // A later build changes what is named, and keeps the rest.
    deployment.must(&["restart", "none", "--preset", "Far", "--yes"]);
    let (size, region, preset) = chosen(&deployment, "none");
    assert_eq!((size, region), (json!("medium"), json!("us")));
    assert_eq!(preset, other);
    let said = deployment.coder(&["update", "none"]).stderr;
    assert!(said.contains("up to date"), "{said}");
    let second = TEMPLATE.replace("\"medium\"", "\"huge\"");
    assert_eq!(deployment.push("sized", &second).code, 0);
    deployment.must(&["update", "none", "--preset", "Far"]);
    let (size, region, newer) = chosen(&deployment, "none");
    assert_eq!((size, region), (json!("huge"), json!("us")));
    assert_ne!(newer, preset, "the preset is that of the new version");

    let wrong = [
        "create",
        "wrong",
        "--template",
        "sized",
        "--preset",
        "Huge",
        "--yes",
    ];
    let wrong = deployment.coder(&wrong);
    assert!(
        wrong.code != 0 && wrong.stderr.contains("Huge"),
        "{}",
        wrong.stderr
    );
}

//! What template authors do besides pushing: pull, edit, look at versions and choose one.

use serde_json::json;
use std::fs;

#[test]
fn a_template_is_pulled_edited_and_set_back() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    let text = |input: u8| format!("resource \"terraform_data\" \"x\" {{\n  input = {input}\n}}\n");
    for input in [1, 2] {
        assert_eq!(deployment.push("plain", &text(input)).code, 0);
    }
    let path = "/api/v2/organizations/default/templates/plain";
    let active = || deployment.api("GET", path, None).1["active_version_id"].clone();
    let second = active();
    let versions = deployment.must(&["templates", "versions", "list", "plain", "-o", "json"]);
    let versions: serde_json::Value = serde_json::from_str(&versions).expect("JSON");
    let versions = versions.as_array().expect("a list");
    let first = versions.iter().find(|one| one["active"] == false);
    let first = first.expect("there are two")["TemplateVersion"].clone();
    let name = first["name"].as_str().expect("a name");

    let folder = deployment.folder().join("pulled");
    let folder_text = folder.to_str().expect("UTF-8");
    let pull = ["templates", "pull", "plain", folder_text];
    deployment.must(&pull);
    let pulled = || fs::read_to_string(folder.join("main.tf")).expect("pulled");
    assert_eq!(pulled(), text(2));
    let refused = deployment.coder(&pull);
    assert!(
        refused.code != 0 && refused.stderr.contains("--yes"),
        "{}",
        refused.stderr
    );
    deployment.must(&[&pull[..], &["--version", name, "--yes"]].concat());
    assert_eq!(pulled(), text(1));

    let promote = ["templates", "versions", "promote", "--template", "plain"];
    deployment.must(&[&promote[..], &["--template-version", name]].concat());
    assert_eq!(active(), first["id"]);
    assert_ne!(active(), second);

    let edit = ["templates", "edit", "plain", "--yes", "--default-ttl", "2h"];
    deployment.must(&[&edit[..], &["--description", "Nothing much."]].concat());
    let (_, template) = deployment.api("GET", path, None);
    assert_eq!(template["default_ttl_ms"], 7_200_000);
    assert_eq!(template["description"], json!("Nothing much."));
    let nothing = deployment.coder(&["templates", "edit", "plain", "--yes"]);
    assert_ne!(nothing.code, 0);
}

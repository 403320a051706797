//! What is wrong with a template is said where it is wrong.

use coder_provisioner::tfprovider::parameter_variable;
use serde_json::Value;

use super::harness::{Terraform, available};

/// The text of the line that each diagnostic points at, with its severity.
fn places(found: &[Value]) -> Vec<(String, String)> {
    let place = |diagnostic: &Value| {
        let severity = diagnostic["severity"].as_str().unwrap().to_owned();
        (
            severity,
            diagnostic["snippet"]["code"]
                .as_str()
                .unwrap()
                .trim()
                .to_owned(),
        )
    };
    found.iter().map(place).collect()
}

fn agent(body: &str) -> String {
    format!(
        "resource \"coder_agent\" \"main\" {{\n  os = \"linux\"\n  arch = \"amd64\"\n{body}\n}}\n"
    )
}

#[test]
fn errors_point_at_the_attribute() {
    if !available() {
        return;
    }
    let terraform = Terraform::new("", false);
    let metadata = "  metadata {\n    key = \"a\"\n    script = \"\"\n    interval = 1\n  }\n";
    let cases = [
        (agent("  auth = \"password\""), r#"auth = "password""#),
        (
            agent("  connection_timeout = -1"),
            "connection_timeout = -1",
        ),
        (
            agent("  connection_timeout = 1.5"),
            "connection_timeout = 1.5",
        ),
        (agent(&format!("{metadata}{metadata}")), r#"key = "a""#),
        (
            agent("  resources_monitoring {}"),
            r#"resource "coder_agent" "main" {"#,
        ),
        (
            "resource \"coder_app\" \"a\" {\n  agent_id = \"\"\n  slug = \"A_b\"\n}\n".to_owned(),
            r#"slug = "A_b""#,
        ),
        (
            "resource \"coder_env\" \"a\" {\n  agent_id = \"\"\n  name = \"1\"\n}\n".to_owned(),
            r#"name = "1""#,
        ),
        (
            "data \"coder_parameter\" \"a\" {\n  name = \"a\"\n  form_type = \"slider\"\n}\n"
                .to_owned(),
            r#"form_type = "slider""#,
        ),
    ];
    for (template, place) in cases {
        terraform.write(&template);
        let found = terraform.diagnostics();
        assert_eq!(
            places(&found),
            [("error".to_owned(), place.to_owned())],
            "{found:#?}"
        );
    }
}

#[test]
fn warnings_do_not_stop_a_plan() {
    if !available() {
        return;
    }
    let terraform = Terraform::new(&agent("  dir = \"/work\""), false);
    let found = terraform.diagnostics();
    assert!(
        places(&found)
            .iter()
            .all(|(severity, _)| severity == "warning"),
        "{found:#?}"
    );
    assert_eq!(terraform.plan()["coder_agent.main"], ["create"]);
}

#[test]
fn a_refused_value_names_its_parameter() {
    if !available() {
        return;
    }
    let template = r#"
data "coder_parameter" "size" {
  name    = "Disk size"
  type    = "number"
  default = 1
  validation {
    min   = 1
    max   = 5
    error = "{value} is not from {min} to {max}."
  }
}
"#;
    let terraform = Terraform::new(template, false).with(&parameter_variable("Disk size"), "9");
    let found = terraform.diagnostics();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        found[0]["summary"],
        r#"Invalid value for parameter "Disk size""#
    );
    assert_eq!(found[0]["detail"], "9 is not from 1 to 5.");
}

#[test]
fn a_parameter_may_be_left_open_at_import() {
    if !available() {
        return;
    }
    let template = "data \"coder_parameter\" \"a\" {\n  name = \"a\"\n}\n";
    let terraform = Terraform::new(template, false);
    assert_eq!(terraform.diagnostics(), [] as [Value; 0]);
}

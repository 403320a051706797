//! What is wrong with a template is said where it is wrong.

use coder_provisioner::tfprovider::parameter_variable;
use serde_json::Value;

use super::harness::{Terraform, available};

/// The text of the first line that each diagnostic points at, with its severity.
fn places(found: &[Value]) -> Vec<(String, String)> {
    let place = |diagnostic: &Value| {
        let severity = diagnostic["severity"].as_str().unwrap().to_owned();
        (
            severity,
            diagnostic["snippet"]["code"]
                .as_str()
                .and_then(|code| code.lines().next())
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
            agent("  resources_monitoring {\n  }"),
            "resources_monitoring {",
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
        points_at(&terraform, &template, place);
    }
}

/// The template is refused once, at a line with this text.
fn points_at(terraform: &Terraform, template: &str, place: &str) {
    terraform.write(template);
    let found = terraform.diagnostics();
    assert_eq!(
        places(&found),
        [("error".to_owned(), place.to_owned())],
        "{found:#?}"
    );
}

/// Checks where a block with a head and each of several bodies is refused.
fn each_points_at(block: &str, head: &str, cases: &[(&str, &str)]) {
    if !available() {
        return;
    }
    let terraform = Terraform::new("", false);
    for (body, place) in cases {
        let template = format!("{block} {{\n{head}\n{body}\n}}\n");
        points_at(&terraform, &template, place);
    }
}

#[test]
fn errors_point_into_blocks_of_agents() {
    let memory = r#"
  resources_monitoring {
    memory {
      enabled   = true
      threshold = 101
    }
  }"#;
    let volume = r#"
  resources_monitoring {
    volume {
      path      = "home"
      enabled   = true
      threshold = 1
    }
  }"#;
    // Of a set of several, none has an address: the block around them has.
    let volumes = r#"
  resources_monitoring {
    volume {
      path      = "/a"
      enabled   = true
      threshold = 1
    }
    volume {
      path      = "/b"
      enabled   = true
      threshold = -1
    }
  }"#;
    each_points_at(
        r#"resource "coder_agent" "a""#,
        "os = \"linux\"\narch = \"amd64\"",
        &[
            (memory, "threshold = 101"),
            (volume, r#"path      = "home""#),
            (volumes, "resources_monitoring {"),
        ],
    );
}

#[test]
fn errors_point_into_blocks_of_apps() {
    let command = r#"
  command = "top"
  healthcheck {
    url       = "http://a"
    interval  = 1
    threshold = 1
  }"#;
    let external = r#"
  url      = "http://a"
  external = true
  healthcheck {
    url       = "http://a"
    interval  = 1
    threshold = 1
  }"#;
    each_points_at(
        r#"resource "coder_app" "a""#,
        "agent_id = \"\"\nslug = \"a\"",
        &[
            (command, r#"command = "top""#),
            (external, "external = true"),
        ],
    );
}

#[test]
fn errors_point_into_blocks_of_presets() {
    let prebuilds = |inner: &str| format!("prebuilds {{\ninstances = 1\n{inner}\n}}");
    let scheduling = |zone: &str, crons: [&str; 2]| {
        let [one, two] =
            crons.map(|cron| format!("schedule {{\ncron = \"{cron}\"\ninstances = 1\n}}"));
        prebuilds(&format!(
            "scheduling {{\ntimezone = \"{zone}\"\n{one}\n{two}\n}}"
        ))
    };
    each_points_at(
        r#"data "coder_workspace_preset" "a""#,
        r#"name = "a""#,
        &[
            (&prebuilds("expiration_policy {\nttl = 60\n}"), "ttl = 60"),
            (
                &scheduling("Europe/Zuerich", ["* 1 * * *", "* 2 * * *"]),
                r#"timezone = "Europe/Zuerich""#,
            ),
            (
                &scheduling("UTC", ["* 1 * * *", "0 2 * * *"]),
                r#"cron = "0 2 * * *""#,
            ),
            (
                &scheduling("UTC", ["* 1-3 * * *", "* 3 * * 1"]),
                r#"cron = "* 3 * * 1""#,
            ),
            ("parameters = {\nx = \"y\"\nz = \"\"\n}", r#"z = """#),
        ],
    );
}

#[test]
fn errors_point_into_blocks_of_parameters() {
    let option = |value: &str| format!("option {{\nname = \"{value}\"\nvalue = \"{value}\"\n}}\n");
    let number = format!("type = \"number\"\n{}{}", option("1"), option("x"));
    let choice = format!("default = \"b\"\n{}", option("a"));
    each_points_at(
        r#"data "coder_parameter" "a""#,
        r#"name = "a""#,
        &[
            (&number, r#"value = "x""#),
            (&choice, r#"default = "b""#),
            (
                "default = \"x\"\nvalidation {\nregex = \"(\"\nerror = \"e\"\n}",
                r#"regex = "(""#,
            ),
            ("default = \"x\"\nvalidation {\nmin = 1\n}", "min = 1"),
            ("ephemeral = true\ndefault = \"x\"", "ephemeral = true"),
        ],
    );
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

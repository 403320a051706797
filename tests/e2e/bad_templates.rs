//! Templates that cannot work say why.

use coder_tests::Deployment;

const HEAD: &str =
    "terraform {\n  required_providers {\n    coder = { source = \"coder/coder\" }\n  }\n}\n";

#[test]
fn broken_templates_say_what_is_wrong() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    let broken = deployment.push(
        "broken",
        &format!("{HEAD}resource \"terraform_data\" \"x\" {{\n  input = nothing.here\n}}\n"),
    );
    assert_ne!(broken.code, 0);
    let text = broken.stderr;
    assert!(
        text.contains("main.tf") && text.contains('7'),
        "file and line are named:\n{text}"
    );

    let syntax = deployment.push("syntax", &format!("{HEAD}resource \"terraform_data\" {{\n"));
    assert!(
        syntax.code != 0 && syntax.stderr.contains("main.tf"),
        "{}",
        syntax.stderr
    );

    let failing = format!(
        "{HEAD}data \"coder_workspace\" \"me\" {{}}\nresource \"terraform_data\" \"kept\" {{ input = \"kept\" }}\n\
         resource \"terraform_data\" \"fails\" {{\n  depends_on = [terraform_data.kept]\n  \
         provisioner \"local-exec\" {{ command = \"echo not today; exit 3\" }}\n}}\n"
    );
    let pushed = deployment.push("failing", &failing);
    assert_eq!(
        pushed.code, 0,
        "a plan says nothing of it:\n{}",
        pushed.stderr
    );
    let created = deployment.coder(&["create", "dev", "--template", "failing", "--yes"]);
    assert!(
        created.code != 0 && created.stderr.contains("not today"),
        "{}",
        created.stderr
    );
    state_is_kept(&deployment);
    // What was created can be destroyed again.
    deployment.must(&["delete", "dev", "--yes"]);
}

fn state_is_kept(deployment: &Deployment) {
    let (_, workspace) = deployment.api("GET", "/api/v2/users/me/workspace/dev", None);
    assert_eq!(workspace["latest_build"]["status"], "failed");
    let build = workspace["latest_build"]["id"].as_str().expect("an id");
    let (status, state) = deployment.api(
        "GET",
        &format!("/api/v2/workspacebuilds/{build}/state"),
        None,
    );
    assert_eq!(status, 200);
    assert!(
        state.to_string().contains("kept"),
        "the state of the failed build is kept: {state}"
    );
}

#[test]
fn a_template_without_an_agent_builds() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    let pushed = deployment.push(
        "plain",
        &format!("{HEAD}resource \"terraform_data\" \"x\" {{ input = 1 }}\n"),
    );
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    deployment.must(&["create", "dev", "--template", "plain", "--yes"]);
    let ssh = deployment.coder(&["ssh", "dev", "true"]);
    assert!(
        ssh.code != 0 && ssh.stderr.contains("no agent"),
        "{}",
        ssh.stderr
    );
}

/// A machine with an agent, and what an app of it has besides its slug.
const MACHINE: &str = "resource \"coder_agent\" \"main\" {\n  os = \"linux\"\n  arch = \"amd64\"\n}\n\
     resource \"terraform_data\" \"vm\" {\n  input = coder_agent.main.id\n}\n";

fn app(name: &str, slug: &str) -> String {
    format!(
        "resource \"coder_app\" \"{name}\" {{\n  agent_id = coder_agent.main.id\n  slug = \"{slug}\"\n  \
         url = \"http://localhost:8080\"\n}}\n"
    )
}

fn metadata(name: &str) -> String {
    format!(
        "resource \"coder_metadata\" \"{name}\" {{\n  resource_id = terraform_data.vm.id\n  \
         item {{\n    key = \"a\"\n    value = \"b\"\n  }}\n}}\n"
    )
}

/// Another agent on the same machine.
fn second_agent(name: &str) -> String {
    format!(
        "resource \"coder_agent\" \"{name}\" {{\n  os = \"linux\"\n  arch = \"amd64\"\n}}\n\
         resource \"terraform_data\" \"other\" {{\n  input = coder_agent.{name}.id\n}}\n"
    )
}

fn parameter(label: &str) -> String {
    format!("data \"coder_parameter\" \"{label}\" {{\n  name = \"size\"\n  default = \"a\"\n}}\n")
}

#[test]
fn templates_that_contradict_themselves_are_refused_with_the_reason() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    let refused = [
        ("slug", app("web", "Not A Slug"), ["Not A Slug", "slug"]),
        (
            "twice",
            app("one", "same") + &app("two", "same"),
            ["coder_app.one", "coder_app.two"],
        ),
        (
            "metadata",
            metadata("one") + &metadata("two"),
            ["terraform_data.vm", "metadata"],
        ),
        (
            "agents",
            second_agent("Main"),
            ["coder_agent.Main", "coder_agent.main"],
        ),
        (
            "agent",
            second_agent("under_score"),
            ["under_score", "coder_agent"],
        ),
        (
            "parameters",
            parameter("one") + &parameter("two"),
            ["size", "two parameters"],
        ),
    ];
    for (name, text, reasons) in refused {
        let pushed = deployment.push(name, &format!("{HEAD}{MACHINE}{text}"));
        assert_ne!(pushed.code, 0, "{name} is taken");
        for reason in reasons {
            assert!(
                pushed.stderr.contains(reason),
                "{name}: no {reason:?} in {}",
                pushed.stderr
            );
        }
        let path = format!("/api/v2/organizations/default/templates/{name}");
        assert_eq!(deployment.api("GET", &path, None).0, 404, "{name} was made");
    }
}

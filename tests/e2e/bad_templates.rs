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

//! Without any network but the loopback, what is cached is enough.

use coder_tests::{Deployment, Outcome};
use std::{
    env, fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    process::Command,
    time::Duration,
};

/// Set in the process that runs inside the namespace.
const INSIDE: &str = "CODER_E2E_INSIDE";
const NAME: &str = "offline::a_cached_template_is_imported_and_built_without_a_network";
const AGENT: Duration = Duration::from_secs(60);

/// What an earlier `init` would have fetched from the registry: our own provider under a name of its own, as nothing
/// can be fetched where the tests run without a network either.
fn fetched(deployment: &Deployment) {
    let package =
        "cache/terraform/cache/plugins/registry.terraform.io/acme/thing/1.0.0/linux_amd64";
    let package = deployment.folder().join(package);
    fs::create_dir_all(&package).expect("a folder");
    let named = deployment.folder().join("terraform-provider-coder");
    symlink(env!("CARGO_BIN_EXE_coder-under-test"), &named).expect("a link");
    let program = package.join("terraform-provider-thing_v1.0.0");
    let script = format!("#!/bin/sh\nexec '{}'\n", named.display());
    fs::write(&program, script).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
}

#[test]
fn a_cached_template_is_imported_and_built_without_a_network() {
    if env::var_os(INSIDE).is_none() {
        run_in_a_namespace();
        return;
    }
    let interfaces = fs::read_to_string("/proc/net/dev").expect("readable");
    assert_eq!(interfaces.lines().skip(2).count(), 1, "{interfaces}");
    let Some(deployment) = super::deployment() else {
        return;
    };
    let main = include_str!("../../examples/templates/local/main.tf");
    let foreign = main.replacen(
        "required_providers {",
        "required_providers {\n    thing = {\n      source = \"acme/thing\"\n    }",
        1,
    );
    let foreign =
        format!("{foreign}\ndata \"coder_provisioner\" \"foreign\" {{\n  provider = thing\n}}\n");
    let refused = deployment.push("foreign", &foreign);
    assert!(
        refused.code != 0 && refused.stderr.contains("acme/thing"),
        "what is not cached cannot be had: {}",
        refused.stderr
    );
    fetched(&deployment);
    let pushed = deployment.push("foreign", &foreign);
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    deployment.must(&["create", "dev", "--template", "foreign", "--yes"]);
    deployment.wait_for_agent("dev", "connected", AGENT);
    assert_eq!(
        deployment.must(&["ssh", "dev", "echo reached"]),
        "reached\n"
    );
    deployment.must(&["stop", "dev", "--yes"]);
    deployment.must(&["delete", "dev", "--yes"]);
}

/// Runs this test again where there is no network.
#[expect(clippy::print_stderr, reason = "a skip has a printed reason")]
fn run_in_a_namespace() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: a network namespace needs root");
        return;
    }
    if ["unshare", "ip", "terraform"]
        .into_iter()
        .any(|program| super::require(program).is_none())
    {
        return;
    }
    let output = Command::new("unshare")
        .args([
            "--net",
            "sh",
            "-c",
            "ip link set lo up && exec \"$@\"",
            "sh",
        ])
        .arg(env::current_exe().expect("a path"))
        .args(["--exact", NAME, "--nocapture"])
        .env(INSIDE, "1")
        .output();
    let said = Outcome::of(output).expect_success("the test without a network");
    assert!(said.contains("1 passed"), "{said}");
}

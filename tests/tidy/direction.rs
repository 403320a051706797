//! Dependencies go one way, and the heavy ones have one owner.

use std::collections::{BTreeMap, BTreeSet};

/// What each member may depend on within the workspace.
const DIRECTION: &[(&str, &[&str])] = &[
    ("coder-core", &[]),
    ("coder-provisioner", &["coder-core"]),
    ("coder-agent", &["coder-core"]),
    ("coder-proxy", &["coder-core"]),
    (
        "coder-server",
        &[
            "coder-core",
            "coder-provisioner",
            "coder-agent",
            "coder-proxy",
        ],
    ),
];

/// The only members that may name these packages.
const OWNERS: &[(&str, &[&str])] = &[
    ("sea-orm", &["coder-server"]),
    ("sea-orm-migration", &["coder-server"]),
    ("sqlx", &["coder-server"]),
    ("axum", &["coder-server"]),
    ("utoipa", &["coder-server"]),
    ("russh", &["coder-agent"]),
    ("tonic", &["coder-provisioner"]),
    ("prost", &["coder-provisioner"]),
];

/// What the domain crate must do without: runtimes, sockets, HTTP, databases.
const NOT_IN_CORE: &[&str] = &[
    "tokio", "hyper", "reqwest", "axum", "http", "sea-orm", "sqlx", "rustls",
];

/// Packages that nobody may bring in, at any depth.
const NOWHERE: &[&str] = &["ring", "openssl-sys", "native-tls", "rsa", "tokio-tar"];

/// What cargo prints about the workspace, without network.
fn cargo(arguments: &[&str]) -> String {
    let output = std::process::Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--locked"])
        .current_dir(super::root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn members() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = cargo(&["metadata", "--format-version=1", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter();
            let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
            let names =
                normal.map(|dependency| dependency["name"].as_str().expect("a name").to_owned());
            (
                package["name"].as_str().expect("a name").to_owned(),
                names.collect(),
            )
        })
        .collect()
}

#[test]
fn members_depend_in_one_direction() {
    let members = members();
    for (member, allowed) in DIRECTION {
        let dependencies = members
            .get(*member)
            .unwrap_or_else(|| panic!("{member} is a member"));
        for dependency in dependencies
            .iter()
            .filter(|name| members.contains_key(*name))
        {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{member} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn heavy_packages_have_one_owner() {
    for (member, dependencies) in members() {
        for (package, owners) in OWNERS {
            let owned = owners.contains(&member.as_str());
            assert!(
                owned || !dependencies.contains(*package),
                "{member} must not name {package}"
            );
        }
        if member == "coder-core" {
            for package in NOT_IN_CORE {
                assert!(
                    !dependencies.contains(*package),
                    "{member} must do without {package}"
                );
            }
        }
    }
}

#[test]
fn unwanted_packages_are_not_built() {
    let tree = cargo(&["tree", "--workspace", "--all-features", "--prefix=none"]);
    let packages: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(packages.contains("rustls"), "the tree is not read right");
    for package in NOWHERE {
        assert!(
            !packages.contains(package),
            "{package} is built: cargo tree -i {package}"
        );
    }
}

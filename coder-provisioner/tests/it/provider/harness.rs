//! A folder with a template, and `terraform` run in it with nothing but our provider in reach.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use coder_provisioner::tfprovider::VERSION;
use serde_json::Value;
use tempfile::TempDir;

/// The head of every template.
const REQUIRED: &str =
    "terraform {\n  required_providers {\n    coder = { source = \"coder/coder\" }\n  }\n}\n";

/// A template and its state.
#[derive(Debug)]
pub(crate) struct Terraform {
    directory: TempDir,
    variables: BTreeMap<String, String>,
}

/// Whether there is a `terraform` to test with; says so when there is none.
pub(crate) fn available() -> bool {
    let found = Command::new("terraform").arg("version").output().is_ok();
    if !found {
        println!("skipped: there is no terraform on PATH");
    }
    found
}

/// Both ways in which Terraform and the provider may talk.
pub(crate) const TLS: [bool; 2] = [true, false];

impl Terraform {
    /// A folder with the template, initialised.
    pub(crate) fn new(template: &str, tls: bool) -> Self {
        let terraform = Self::bare(template, tls);
        let output = terraform.run(&["init", "-input=false"]);
        assert!(output.status.success(), "{}", text(&output));
        terraform
    }

    fn bare(template: &str, tls: bool) -> Self {
        let directory = TempDir::new().unwrap();
        let terraform = Self {
            directory,
            variables: BTreeMap::new(),
        };
        terraform.install_provider();
        terraform.write(template);
        let config = terraform.path().join("mirror.tfrc");
        let mirror = terraform.path().join("mirror");
        std::fs::write(
            &config,
            format!("provider_installation {{\n  filesystem_mirror {{ path = {mirror:?} }}\n}}\n"),
        )
        .unwrap();
        let terraform = terraform
            .with("TF_CLI_CONFIG_FILE", config.to_str().unwrap())
            // Whoever tries to reach the network fails at once.
            .with("HTTPS_PROXY", "http://127.0.0.1:1")
            .with("HTTP_PROXY", "http://127.0.0.1:1")
            .with("CHECKPOINT_DISABLE", "1")
            .with("CODER_AGENT_URL", "http://coder.example.com:3000")
            .with("CODER_WORKSPACE_NAME", "dev");
        if tls {
            terraform
        } else {
            terraform.with("TF_DISABLE_PLUGIN_TLS", "1")
        }
    }

    fn install_provider(&self) {
        let version = Command::new("terraform")
            .args(["version", "-json"])
            .output()
            .unwrap();
        let version: Value = serde_json::from_slice(&version.stdout).unwrap();
        let platform = version["platform"].as_str().unwrap();
        let folder = self
            .path()
            .join("mirror/registry.terraform.io/coder/coder")
            .join(VERSION)
            .join(platform);
        std::fs::create_dir_all(&folder).unwrap();
        let binary = env!("CARGO_BIN_EXE_terraform-provider-coder");
        std::os::unix::fs::symlink(binary, folder.join("terraform-provider-coder")).unwrap();
    }

    /// The same with another variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Replaces the template.
    pub(crate) fn write(&self, template: &str) {
        std::fs::write(self.path().join("main.tf"), format!("{REQUIRED}{template}")).unwrap();
    }

    /// `terraform` in the folder, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path())
            .env("TMPDIR", self.temporary())
            .envs(&self.variables);
        command
    }

    /// Where the processes put what is temporary.
    pub(crate) fn temporary(&self) -> PathBuf {
        let path = self.path().join("tmp");
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Applies the template.
    pub(crate) fn apply(&self) {
        let output = self.run(&["apply", "-auto-approve", "-input=false", "-no-color"]);
        assert!(output.status.success(), "{}", text(&output));
    }

    /// Plans, and returns what becomes of each resource that does not stay.
    pub(crate) fn plan(&self) -> BTreeMap<String, Vec<String>> {
        let output = self.run(&["plan", "-input=false", "-no-color", "-out=plan"]);
        assert!(output.status.success(), "{}", text(&output));
        let plan = self.show(&["plan"]);
        let changes = plan["resource_changes"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        changes
            .iter()
            .map(|change| {
                let actions = change["change"]["actions"].as_array().unwrap();
                let actions = actions
                    .iter()
                    .map(|a| a.as_str().unwrap().to_owned())
                    .collect();
                (change["address"].as_str().unwrap().to_owned(), actions)
            })
            .filter(|(_, actions): &(_, Vec<String>)| actions != &["no-op"])
            .collect()
    }

    /// The errors and warnings of a plan.
    pub(crate) fn diagnostics(&self) -> Vec<Value> {
        let output = self.run(&["plan", "-input=false", "-json"]);
        let lines = String::from_utf8(output.stdout).unwrap();
        let events = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        events
            .filter(|e| e["type"] == "diagnostic")
            .map(|e| e["diagnostic"].clone())
            .collect()
    }

    /// The state, or a plan.
    pub(crate) fn show(&self, args: &[&str]) -> Value {
        let output = self.run(&[&["show", "-json", "-no-color"], args].concat());
        assert!(output.status.success(), "{}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The values of each resource and data source in the state, by address.
    pub(crate) fn state(&self) -> BTreeMap<String, Value> {
        let state = self.show(&[]);
        let resources = state["values"]["root_module"]["resources"]
            .as_array()
            .cloned();
        let entry = |resource: &Value| {
            (
                resource["address"].as_str().unwrap().to_owned(),
                resource["values"].clone(),
            )
        };
        resources.unwrap_or_default().iter().map(entry).collect()
    }
}

/// Everything that a process wrote.
pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

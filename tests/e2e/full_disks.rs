//! Disks that are full. Covers R9.

use coder_tests::Deployment;
use std::{path::PathBuf, process::Command};

/// A small file system of its own, taken away in the end.
struct Disk(PathBuf);

impl Disk {
    /// A file system of `size` at `path`; `None` with the printed reason where mounting is not allowed.
    #[expect(clippy::print_stderr, reason = "a skip has a printed reason")]
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&path).expect("a folder");
        let options = format!("size={size},mode=0755");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(&path)
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        eprintln!("skipped: a small file system cannot be mounted here, which needs root");
        None
    }

    fn resize(&self, size: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,size={size}")])
            .arg(&self.0)
            .status();
        assert!(status.is_ok_and(|status| status.success()), "remount");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn latest_error(deployment: &Deployment, workspace: &str) -> String {
    let path = format!("/api/v2/users/me/workspace/{workspace}");
    let (_, workspace) = deployment.api("GET", &path, None);
    let job = &workspace["latest_build"]["job"];
    job["error"].as_str().unwrap_or_default().to_owned()
}

fn state(deployment: &Deployment, workspace: &str) -> serde_json::Value {
    let path = format!("/api/v2/users/me/workspace/{workspace}");
    let (_, workspace) = deployment.api("GET", &path, None);
    let id = workspace["latest_build"]["id"].as_str().expect("an id");
    let (status, state) =
        deployment.api("GET", &format!("/api/v2/workspacebuilds/{id}/state"), None);
    assert_eq!(status, 200);
    state
}

#[test]
fn a_full_work_directory_is_said_and_loses_no_state() {
    let Some(deployment) = super::deployment() else {
        return;
    };
    let work = deployment.folder().join("cache/terraform/work");
    let Some(disk) = Disk::mount(work, "16m") else {
        return;
    };
    // Too little to begin with.
    let template = r#"
resource "terraform_data" "first" { input = "first" }
resource "terraform_data" "filler" {
  input = terraform_data.first.output
  provisioner "local-exec" { command = "head -c 200m /dev/zero > fill; true" }
}
resource "terraform_data" "big" {
  count      = 3
  input      = join("", [for number in range(1000) : "a string of some length ${count.index}"])
  depends_on = [terraform_data.filler]
}
"#;
    let refused = deployment.push("filling", template);
    assert_ne!(refused.code, 0);
    let said = refused.stdout + &refused.stderr;
    assert!(said.contains("MiB of disk space are free"), "{said}");

    // Enough to begin with, and then full: Terraform cannot write the state any more.
    disk.resize("100m");
    assert_eq!(deployment.push("filling", template).code, 0);
    let failed = deployment.coder(&["create", "dev", "--template", "filling", "--yes"]);
    assert_ne!(failed.code, 0);
    let error = latest_error(&deployment, "dev");
    assert!(error.contains("state"), "{error}");
    let resources = state(&deployment, "dev");
    let instances: usize = resources["resources"]
        .as_array()
        .expect("resources")
        .iter()
        .filter_map(|resource| resource["instances"].as_array().map(Vec::len))
        .sum();
    assert_eq!(
        instances, 5,
        "first, filler and three big ones: {resources}"
    );

    // The directory of the build is gone, and with it what filled the disk.
    deployment.must(&["start", "dev", "--yes"]);
    deployment.must(&["delete", "dev", "--yes"]);
}

//! Disks that are full. Covers R9.

use coder_tests::{Deployment, Outcome, wait_for};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const MINUTE: Duration = Duration::from_secs(60);

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

#[test]
fn a_full_cache_keeps_nobody_from_building() {
    let Some(mut deployment) = super::deployment() else {
        return;
    };
    assert!(deployment.stop_server(MINUTE));
    let cache = deployment.folder().join("cache/terraform/cache");
    let Some(disk) = Disk::mount(cache.clone(), "1m") else {
        return;
    };
    deployment.start_server();
    deployment.push("first", "resource \"terraform_data\" \"x\" {\n}\n");
    let full = Filler::fill(&cache);
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.must(&["stop", "dev", "--yes"]);
    drop(full);
    deployment.must(&["delete", "dev", "--yes"]);
    drop(disk);
}

/// A file that takes all that is free. Dropping it frees that again.
struct Filler(PathBuf);

impl Filler {
    fn fill(folder: &Path) -> Self {
        let path = folder.join("filler");
        let mut zero = fs::File::open("/dev/zero").expect("zeros");
        let mut file = fs::File::create(&path).expect("a file");
        let full = std::io::copy(&mut zero, &mut file).expect_err("the disk is full");
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        Self(path)
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Uploads an archive of a megabyte that is like no other; answers body and status.
fn upload_something(deployment: &Deployment) -> String {
    let script =
        "head -c 1048576 /dev/urandom >\"$1/random\" && tar -cf \"$1/upload.tar\" -C \"$1\" random";
    let folder = deployment.folder().to_str().expect("UTF-8");
    let made = Command::new("sh")
        .args(["-c", script, "sh", folder])
        .output();
    let _ = Outcome::of(made).expect_success("an archive");
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "30", "-w", "\n%{http_code}"])
        .args(["-H", "Content-Type: application/x-tar", "-H"])
        .arg(format!("Coder-Session-Token: {}", deployment.token()))
        .arg("--data-binary")
        .arg(format!("@{folder}/upload.tar"))
        .arg(format!("{}/api/v2/files", deployment.url()));
    Outcome::of(curl.output()).stdout
}

#[test]
fn a_full_database_is_said_and_goes_on_when_there_is_room() {
    let Some(mut deployment) = super::deployment() else {
        return;
    };
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    assert!(deployment.stop_server(MINUTE));
    let data = deployment.folder().join("server/postgres/data");
    let aside = deployment.folder().join("data-aside");
    fs::rename(&data, &aside).expect("moved");
    let Some(disk) = Disk::mount(data.clone(), "200m") else {
        return;
    };
    let script = "cp -a \"$1/.\" \"$2\" && chown --reference=\"$1\" \"$2\" && chmod 700 \"$2\"";
    let copy = Command::new("sh")
        .args(["-c", script, "sh"])
        .args([&aside, &data])
        .output();
    let _ = Outcome::of(copy).expect_success("moving the data");
    deployment.start_server();

    let full = Filler::fill(&data);
    let upload = || upload_something(&deployment);
    let refused = wait_for("the database to be full", MINUTE, || {
        let said = upload();
        (!said.ends_with("201") && !said.ends_with("200")).then_some(said)
    });
    assert!(refused.ends_with("503"), "{refused}");
    wait_for("the operator to be told", MINUTE, || {
        let log = deployment.server_log();
        log.contains("No space left on device").then_some(())
    });
    assert!(deployment.is_up(), "the server goes on");
    drop(full);
    wait_for("the database to take files again", MINUTE, || {
        let said = upload();
        (said.ends_with("201") || said.ends_with("200")).then_some(())
    });
    deployment.must(&["stop", "dev", "--yes"]);
    deployment.must(&["delete", "dev", "--yes"]);
    assert!(deployment.stop_server(MINUTE));
    drop(disk);
}

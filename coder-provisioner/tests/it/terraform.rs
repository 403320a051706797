//! The Terraform provisioner with the real terraform. Its templates use only what is built into
//! Terraform, so nothing is downloaded.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::id::{LeaseId, ProvisionerJobId};
use coder_core::provisioner_job::LogLevel;
use coder_core::secret::Secret;
use coder_core::template_version::VariableValue;
use coder_core::workspace_build::WorkspaceTransition;
use coder_provisioner::conformance::{Case, Fixture, Recorder};
use coder_provisioner::protocol::{ApplyRequest, Config, PlanRequest, Timing, TimingStage};
use coder_provisioner::{
    ErrorKind, LogSink, Provisioner, Session, StateSink, TerraformOptions, TerraformProvisioner,
    provisioner_conformance,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The longest a test waits for anything.
const BOUND: Duration = Duration::from_secs(60);

const ORDINARY: &str = r#"
variable "region" {
  default = "eu"
}
resource "terraform_data" "disk" {
  input = var.region
  provisioner "local-exec" {
    command = "echo first"
  }
}
resource "terraform_data" "compute" {
  input = terraform_data.disk.id
  provisioner "local-exec" {
    command = "echo second"
  }
}
"#;

/// One resource, then a command that runs until it is ended. It prints the id of terraform.
const SLOW_APPLY: &str = r#"
resource "terraform_data" "disk" {
}
resource "terraform_data" "compute" {
  input = terraform_data.disk.id
  provisioner "local-exec" {
    command = "echo slow now, command $$ terraform $PPID; exec sleep 600"
  }
}
"#;

pub(crate) fn tar(files: &[(&str, &str)]) -> Bytes {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, name, content.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap().into()
}

/// A provisioner with directories of its own.
pub(crate) struct Bench {
    folder: TempDir,
    provisioner: Arc<TerraformProvisioner>,
    /// The writing end of the pipe that a slow plan reads.
    pipe: Mutex<Option<fs::File>>,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {}, std::env::vars_os().collect())
    }

    pub(crate) fn with(
        change: impl FnOnce(&mut TerraformOptions),
        environment: Vec<(OsString, OsString)>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = TerraformOptions::new(folder.path());
        options.exit_grace = Duration::from_secs(2);
        change(&mut options);
        let provisioner = Arc::new(TerraformProvisioner::with_environment(options, environment));
        Self {
            folder,
            provisioner,
            pipe: Mutex::default(),
        }
    }

    fn pipe_path(&self) -> PathBuf {
        self.folder.path().join("pipe")
    }

    pub(crate) async fn open(&self, archive: Bytes) -> (Box<dyn Session>, Arc<Recorder>) {
        let recorder = Arc::new(Recorder::default());
        let logs: Arc<dyn LogSink> = Arc::clone(&recorder) as _;
        let session = self
            .provisioner
            .session(config(archive), logs)
            .await
            .unwrap();
        (session, recorder)
    }

    /// Directories of sessions that exist now.
    fn sessions(&self) -> usize {
        fs::read_dir(self.folder.path().join("work"))
            .unwrap()
            .count()
    }
}

fn config(template_archive: Bytes) -> Config {
    Config {
        job_id: ProvisionerJobId(Uuid::nil()),
        lease: LeaseId(Uuid::nil()),
        template_archive,
        module_files: None,
        log_level: None,
        refresh: false,
    }
}

fn start_request() -> PlanRequest {
    let mut request = PlanRequest::default();
    request.metadata.workspace_transition = WorkspaceTransition::Start;
    request
}

async fn start(
    session: &mut dyn Session,
    recorder: &Arc<Recorder>,
) -> Result<coder_provisioner::protocol::ApplyComplete, coder_provisioner::protocol::ApplyFailed> {
    let cancel = CancellationToken::new();
    let planned = session.plan(start_request(), &cancel).await.unwrap();
    let sink: Arc<dyn StateSink> = Arc::clone(recorder) as _;
    session
        .apply(planned.handle, ApplyRequest::default(), sink, &cancel)
        .await
}

#[async_trait]
impl Fixture for Bench {
    fn provisioner(&self) -> Arc<dyn Provisioner> {
        Arc::clone(&self.provisioner) as _
    }

    fn archive(&self, case: Case) -> Bytes {
        let template = match case {
            Case::Ordinary => ORDINARY.to_owned(),
            Case::Broken => {
                "resource \"terraform_data\" \"a\" {\n  input = no.such.thing\n}\n".into()
            }
            Case::FailingApply => SLOW_APPLY.replace("exec sleep 600", "exit 3"),
            // It reads a pipe into which nobody writes.
            Case::SlowPlan => {
                let pipe = self.pipe_path();
                let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
                assert!(made.success());
                format!(
                    "output \"a\" {{\n  value = file(\"{}\")\n}}\n",
                    pipe.display()
                )
            }
            Case::SlowApply => SLOW_APPLY.to_owned(),
        };
        tar(&[("main.tf", &template), ("README.md", "# Ordinary")])
    }

    fn resources(&self, transition: WorkspaceTransition) -> Vec<&'static str> {
        match transition {
            WorkspaceTransition::Start | WorkspaceTransition::Stop => vec!["compute", "disk"],
            WorkspaceTransition::Delete => vec![],
        }
    }

    async fn running(&self, case: Case, recorder: &Recorder) {
        if case == Case::SlowPlan {
            // Opens once terraform opens it to read.
            let path = self.pipe_path();
            let opened = tokio::task::spawn_blocking(move || {
                fs::OpenOptions::new().write(true).open(path).unwrap()
            });
            *self.pipe.lock().unwrap() = Some(opened.await.unwrap());
        } else {
            recorder.logged("slow now, command").await;
        }
    }

    fn cancel_bound(&self) -> Duration {
        Duration::from_secs(10)
    }
}

provisioner_conformance!(Bench::new());

#[tokio::test]
async fn a_syntax_error_is_logged_with_file_line_and_message() {
    let bench = Bench::new();
    let template = "locals {\n  a = 1\n}\nresource \"terraform_data\" \"x\" {\n  input = 1 2\n}\n";
    let (mut session, recorder) = bench.open(tar(&[("main.tf", template)])).await;
    session.parse(&CancellationToken::new()).await.unwrap_err();
    let errors: Vec<_> = recorder
        .logs()
        .into_iter()
        .filter(|log| log.level == LogLevel::Error)
        .map(|log| log.output)
        .collect();
    let text = errors.join("\n");
    assert!(text.contains("Missing newline after argument"), "{text}");
    assert!(text.contains("on main.tf line 5"), "{text}");
}

#[tokio::test]
async fn a_failure_names_the_first_error() {
    let bench = Bench::new();
    let (mut session, _) = bench.open(bench.archive(Case::Broken)).await;
    let error = session
        .plan(start_request(), &CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    let text = error.to_string();
    assert!(
        text.contains("main.tf line 2: Reference to undeclared resource"),
        "{text}"
    );
}

#[tokio::test]
async fn a_hostile_archive_opens_no_session_and_leaves_nothing() {
    let bench = Bench::new();
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_entry_type(tar::EntryType::Symlink);
    archive.append_link(&mut header, "out", "/etc").unwrap();
    let archive = archive.into_inner().unwrap().into();
    let logs: Arc<dyn LogSink> = Arc::new(Recorder::default());
    let refused = bench.provisioner.session(config(archive), logs).await;
    let error = refused.err().expect("a link is refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArchive);
    assert_eq!(bench.sessions(), 0);
}

#[tokio::test]
async fn a_missing_terraform_is_explained() {
    let nowhere = |options: &mut TerraformOptions| {
        options.terraform_path = Some("/nowhere/terraform".into());
    };
    let bench = Bench::with(nowhere, Vec::new());
    let error = bench.provisioner.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("install Terraform"), "{error}");
}

#[tokio::test]
async fn an_apply_whose_terraform_is_killed_keeps_its_state() {
    let bench = Bench::new();
    let (mut session, recorder) = bench.open(bench.archive(Case::SlowApply)).await;
    let watching = Arc::clone(&recorder);
    let killer = tokio::spawn(async move {
        let (command, terraform) = process_ids(&watching).await;
        watching.snapshot_taken().await;
        let killed = Command::new("kill")
            .args(["-9", &terraform])
            .status()
            .unwrap();
        assert!(killed.success());
        command
    });
    let failed = start(session.as_mut(), &recorder).await.unwrap_err();
    until_dead(&killer.await.unwrap());
    assert_eq!(failed.error.kind(), ErrorKind::Failed);
    assert!(
        failed.error.to_string().contains("killed by signal 9"),
        "{}",
        failed.error
    );
    let state = String::from_utf8(failed.state.unwrap().to_vec()).unwrap();
    assert!(state.contains("\"disk\""), "{state}");
    let snapshot = recorder.states().pop().unwrap();
    assert!(
        String::from_utf8(snapshot.to_vec())
            .unwrap()
            .contains("\"disk\"")
    );
}

/// The process ids that the slow apply prints: of its command and of terraform.
async fn process_ids(recorder: &Recorder) -> (String, String) {
    let marker = "(local-exec): slow now, command ";
    recorder.logged(marker).await;
    let logs = recorder.logs();
    let line = logs
        .iter()
        .find_map(|log| log.output.split_once(marker))
        .unwrap();
    let (command, terraform) = line.1.trim().split_once(" terraform ").unwrap();
    (command.to_owned(), terraform.to_owned())
}

#[tokio::test]
async fn dropped_work_leaves_no_process_and_nothing_but_its_state() {
    let bench = Bench::new();
    let (mut session, recorder) = bench.open(bench.archive(Case::SlowApply)).await;
    let watching = Arc::clone(&recorder);
    let work = tokio::spawn(async move {
        let _ = start(session.as_mut(), &recorder).await;
    });
    let (command, terraform) = process_ids(&watching).await;
    assert!(is_alive(&terraform) && is_alive(&command));
    work.abort();
    let _ = work.await;
    until_dead(&terraform);
    until_dead(&command);
    let [leftover] = <[_; 1]>::try_from(bench.provisioner.leftovers().await).unwrap();
    let state = String::from_utf8(leftover.state.clone().unwrap().to_vec()).unwrap();
    assert!(state.contains("\"disk\""), "{state}");
    tokio::task::spawn_blocking(move || leftover.settle(true))
        .await
        .unwrap();
    assert_eq!(bench.sessions(), 0);
}

/// Whether a process runs. One that has ended and was not reaped does not.
fn is_alive(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

fn until_dead(process: &str) {
    let deadline = Instant::now() + BOUND;
    while is_alive(process) {
        assert!(Instant::now() < deadline, "process {process} still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

// Covers T53.
#[tokio::test]
async fn templates_see_nothing_of_the_servers_environment() {
    let variable = |name: &str, value: &str| (name.into(), value.into());
    let path = std::env::var_os("PATH").unwrap();
    let environment = vec![
        ("PATH".into(), path),
        variable("CODER_PG_CONNECTION_URL", "canary-1"),
        variable("AWS_SECRET_ACCESS_KEY", "canary-2"),
        variable("TF_CLI_ARGS", "-canary-3"),
        variable("KUBECONFIG", "asked-for"),
    ];
    let bench = Bench::with(
        |options| options.environment = vec!["KUBECONFIG".into()],
        environment,
    );
    let template = "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"env\"\n  }\n}\n";
    let (mut session, recorder) = bench.open(tar(&[("main.tf", template)])).await;
    start(session.as_mut(), &recorder).await.unwrap();
    let outputs: Vec<_> = recorder.logs().into_iter().map(|log| log.output).collect();
    let text = outputs.join("\n");
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains("KUBECONFIG=asked-for"), "{text}");
    assert!(text.contains("CODER_WORKSPACE_TRANSITION=start"), "{text}");
}

#[tokio::test]
async fn variables_reach_the_template_with_their_types() {
    let bench = Bench::new();
    let template = r#"
variable "zones" {
  type = list(string)
}
variable "password" {
  type = string
}
resource "terraform_data" "a" {
  input = "${length(var.zones)} zones, ${var.password}"
}
"#;
    let (mut session, recorder) = bench.open(tar(&[("main.tf", template)])).await;
    let value = |name: &str, value: &str| VariableValue {
        name: name.into(),
        value: Secret::new(value),
    };
    let mut request = start_request();
    request.variable_values = vec![
        value("zones", r#"["a", "b"]"#),
        value("password", "${file(\"/etc/passwd\")}"),
    ];
    let cancel = CancellationToken::new();
    let planned = session.plan(request, &cancel).await.unwrap();
    let sink: Arc<dyn StateSink> = Arc::clone(&recorder) as _;
    let applied = session
        .apply(planned.handle, ApplyRequest::default(), sink, &cancel)
        .await
        .unwrap();
    let state: serde_json::Value = serde_json::from_slice(&applied.state).unwrap();
    let input = &state["resources"][0]["instances"][0]["attributes"]["input"]["value"];
    assert_eq!(input, r#"2 zones, ${file("/etc/passwd")}"#);
}

#[tokio::test]
async fn each_step_is_timed() {
    let bench = Bench::new();
    let (mut session, recorder) = bench.open(bench.archive(Case::Ordinary)).await;
    let cancel = CancellationToken::new();
    let planned = session.plan(start_request(), &cancel).await.unwrap();
    let stages: Vec<_> = planned.timings.iter().map(|timing| timing.stage).collect();
    let expected = [TimingStage::Init, TimingStage::Plan, TimingStage::Graph];
    assert_eq!(stages, expected);
    let sink: Arc<dyn StateSink> = Arc::clone(&recorder) as _;
    let applied = session
        .apply(planned.handle, ApplyRequest::default(), sink, &cancel)
        .await
        .unwrap();
    let created: Vec<_> = applied
        .timings
        .iter()
        .filter(|timing| timing.action == "create")
        .map(|timing| (timing.resource.as_str(), timing.source.as_str()))
        .collect();
    let graph = |timing: &Timing| timing.stage == TimingStage::Graph && timing.action == "graph";
    assert_eq!(applied.timings.iter().filter(|one| graph(one)).count(), 1);
    let source = "terraform";
    assert_eq!(
        created,
        [
            ("terraform_data.disk", source),
            ("terraform_data.compute", source)
        ]
    );
}

#[tokio::test]
async fn a_session_leaves_no_directory() {
    let bench = Bench::new();
    let (session, _) = bench.open(bench.archive(Case::Ordinary)).await;
    assert_eq!(bench.sessions(), 1);
    drop(session);
    assert_eq!(bench.sessions(), 0);
}

/// Runs a program by way of the launcher; only run by the tests below.
#[test]
#[ignore = "run as a child by the tests of the launcher"]
fn as_launcher() {
    let args = std::env::var("LAUNCHER_ARGS").unwrap();
    let args = args.split('\n').map(OsString::from);
    let code = coder_provisioner::terraform::launcher::main(args);
    // The test runner would print and answer something else.
    std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
}

/// A shell below a launcher, the file with the shell's process id, and the lock file.
fn launch(folder: &Path, script: &str) -> (std::process::Child, String, PathBuf) {
    use std::os::unix::process::CommandExt as _;
    let (pid_file, lock) = (folder.join("pid"), folder.join("lock"));
    fs::write(&lock, "").unwrap();
    let script = format!("echo $$ > pid.new; mv pid.new pid; {script}");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "terraform::as_launcher", "--ignored"])
        .env(
            "LAUNCHER_ARGS",
            format!("{}\n--\nsh\n-c\n{script}", lock.display()),
        )
        .current_dir(folder)
        .stdin(std::process::Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let pid = wait_for_file(&pid_file);
    (child, pid, lock)
}

fn is_locked(lock: &Path) -> bool {
    fs::File::open(lock).unwrap().try_lock().is_err()
}

// Covers R1 and R2 as far as processes go: what a dead daemon leaves behind does not go on.
#[test]
fn what_the_launcher_runs_ends_with_its_daemon() {
    let folder = tempfile::tempdir().unwrap();
    // The shell is interrupted; what it started does not listen and is killed with the group.
    let script = "(trap '' INT; sleep 600) & echo $! > deaf; wait";
    let (mut launcher, shell, lock) = launch(folder.path(), script);
    let deaf = wait_for_file(&folder.path().join("deaf"));
    assert!(is_alive(&shell) && is_alive(&deaf) && is_locked(&lock));
    drop(launcher.stdin.take());
    until_dead(&shell);
    until_dead(&deaf);
    assert!(!launcher.wait().unwrap().success());
    assert!(!is_locked(&lock));
}

#[test]
fn what_a_killed_program_has_started_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut launcher, shell, _) = launch(folder.path(), "sleep 600 & echo $! > child; wait");
    let child = wait_for_file(&folder.path().join("child"));
    assert!(is_alive(&child));
    assert!(
        Command::new("kill")
            .args(["-KILL", &shell])
            .status()
            .unwrap()
            .success()
    );
    until_dead(&child);
    assert_eq!(launcher.wait().unwrap().code(), None);
}

#[test]
fn nothing_begins_in_a_session_that_was_found_abandoned() {
    use std::os::unix::process::CommandExt as _;
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock");
    fs::write(&lock, "").unwrap();
    let held = fs::File::open(&lock).unwrap();
    held.try_lock().unwrap();
    let args = format!("{}\n--\ntouch\nbegun", lock.display());
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "terraform::as_launcher",
            "--ignored",
            "--nocapture",
        ])
        .env("LAUNCHER_ARGS", args)
        .current_dir(folder.path())
        .process_group(0)
        .output()
        .unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("the lock file"), "{complaint}");
    assert!(!folder.path().join("begun").exists());
}

fn wait_for_file(path: &Path) -> String {
    let deadline = Instant::now() + BOUND;
    loop {
        if let Ok(text) = fs::read_to_string(path) {
            return text.trim().to_owned();
        }
        assert!(
            Instant::now() < deadline,
            "{} does not come",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

//! When the Terraform provisioner runs `init`, with and without a network.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use coder_core::id::{LeaseId, ProvisionerJobId};
use coder_core::workspace_build::WorkspaceTransition;
use coder_provisioner::conformance::{self, Recorder};
use coder_provisioner::protocol::{ApplyRequest, Config, PlanRequest, TimingStage};
use coder_provisioner::{
    LogSink, Provisioner, Result, StateSink, TerraformOptions, TerraformProvisioner,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::terraform::tar;

const PROVIDER: &str = env!("CARGO_BIN_EXE_terraform-provider-coder");

/// Our own provider under another name, which no registry has.
const FOREIGN: &str = r#"
terraform {
  required_providers {
    thing = {
      source = "acme/thing"
    }
  }
}
data "coder_provisioner" "here" {
  provider = thing
}
resource "terraform_data" "disk" {
  input = data.coder_provisioner.here.os
}
"#;

/// A provisioner whose Terraform notes what it is asked to do and reaches no registry.
struct Bench {
    folder: TempDir,
    provisioner: TerraformProvisioner,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| Vec::new())
    }

    /// With what `change` does to the options, given the folder, and the variables that it answers.
    fn with(change: impl FnOnce(&mut TerraformOptions) -> Vec<(OsString, OsString)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = TerraformOptions::new(folder.path());
        options.provider_binary = Some(PROVIDER.into());
        let more = change(&mut options);
        let noting = noting_terraform(folder.path());
        options.terraform_path.get_or_insert(noting);
        let proxied = [("HTTPS_PROXY", "http://127.0.0.1:1")]
            .map(|(name, value)| (name.into(), value.into()));
        let environment = std::env::vars_os()
            .filter(|(name, _)| {
                let name = name.to_string_lossy();
                !name.ends_with("_PROXY") && name != "TF_CLI_CONFIG_FILE"
            })
            .chain(proxied)
            .chain(more)
            .collect();
        let provisioner = TerraformProvisioner::with_environment(options, environment);
        Self {
            folder,
            provisioner,
        }
    }

    /// The subcommands since this was asked last.
    fn ran(&self) -> Vec<String> {
        let path = self.folder.path().join("ran");
        let noted = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        noted.lines().map(str::to_owned).collect()
    }

    /// The folder of a provider that an earlier `init` would have fetched.
    fn fetched(&self) -> PathBuf {
        let package = "cache/plugins/registry.terraform.io/acme/thing/1.0.0/linux_amd64";
        self.folder.path().join(package)
    }

    fn fetch(&self) {
        fs::create_dir_all(self.fetched()).unwrap();
        // A script, since our provider wants to be called by its own name.
        let program = self.fetched().join("terraform-provider-thing_v1.0.0");
        executable(&program, &format!("#!/bin/sh\nexec '{PROVIDER}'\n"));
    }

    /// Plans as an import does.
    async fn import(&self, template: &Bytes) -> (Result<()>, Arc<Recorder>) {
        let (mut session, recorder) = self.open(template, true).await;
        let request = PlanRequest {
            metadata: conformance::metadata(WorkspaceTransition::Start),
            ..PlanRequest::default()
        };
        let planned = session.plan(request, &CancellationToken::new()).await;
        (planned.map(drop), recorder)
    }

    /// Builds as a workspace build does, and answers with the stages that were measured.
    async fn build(&self, template: &Bytes) -> Vec<TimingStage> {
        let (mut session, recorder) = self.open(template, false).await;
        let (metadata, cancel) = (
            conformance::metadata(WorkspaceTransition::Start),
            CancellationToken::new(),
        );
        let request = PlanRequest {
            metadata: metadata.clone(),
            apply_only: true,
            ..PlanRequest::default()
        };
        let planned = session.plan(request, &cancel).await.unwrap();
        let sink: Arc<dyn StateSink> = Arc::clone(&recorder) as _;
        let applied = session
            .apply(planned.handle, ApplyRequest { metadata }, sink, &cancel)
            .await
            .unwrap();
        assert_eq!(applied.resources.len(), 1);
        let mut stages: Vec<_> = planned
            .timings
            .iter()
            .chain(&applied.timings)
            .filter(|timing| timing.resource.is_empty())
            .map(|timing| timing.stage)
            .collect();
        stages.dedup();
        stages
    }

    async fn open(
        &self,
        template: &Bytes,
        refresh: bool,
    ) -> (Box<dyn coder_provisioner::Session>, Arc<Recorder>) {
        let recorder = Arc::new(Recorder::default());
        let config = Config {
            job_id: ProvisionerJobId(Uuid::nil()),
            lease: LeaseId(Uuid::nil()),
            template_archive: template.clone(),
            log_level: None,
            module_files: None,
            refresh,
        };
        let logs: Arc<dyn LogSink> = Arc::clone(&recorder) as _;
        (
            self.provisioner.session(config, logs).await.unwrap(),
            recorder,
        )
    }
}

/// A script that writes its first argument down and becomes Terraform.
fn noting_terraform(folder: &Path) -> PathBuf {
    let path = folder.join("terraform");
    // Asking for the version comes without PATH.
    let search = std::env::var("PATH").unwrap();
    let noted = folder.join("ran");
    let script = format!(
        "#!/bin/sh\nPATH='{search}'\n[ \"$1\" = version ] || echo \"$1\" >>'{}'\n\
         exec \"$(command -v terraform)\" \"$@\"\n",
        noted.display()
    );
    executable(&path, &script);
    path
}

fn executable(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn template(text: &str) -> Bytes {
    tar(&[
        ("main.tf", text),
        ("inner/main.tf", "output \"a\" {\n  value = 1\n}\n"),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_of_an_imported_template_is_one_command() {
    let bench = Bench::new();
    let local = template(
        "module \"inner\" {\n  source = \"./inner\"\n}\nresource \"terraform_data\" \"disk\" {\n}\n",
    );
    let (imported, _) = bench.import(&local).await;
    imported.unwrap();
    let mut ran = bench.ran();
    ran.sort();
    assert_eq!(ran, ["graph", "init", "plan", "show"]);

    let stages = bench.build(&local).await;
    assert_eq!(bench.ran(), ["apply"]);
    use TimingStage::{Apply, Graph, Init, Plan};
    assert_eq!(stages, [Init, Plan, Apply, Graph]);

    // An import looks again; another template has nothing kept.
    bench.import(&local).await.0.unwrap();
    assert!(bench.ran().contains(&"init".to_owned()));
    bench
        .build(&template("resource \"terraform_data\" \"disk\" {\n}\n"))
        .await;
    assert!(bench.ran().contains(&"init".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_network_the_cache_serves_imports_and_builds() {
    let bench = Bench::new();
    let foreign = template(FOREIGN);
    let (imported, recorder) = bench.import(&foreign).await;
    let error = imported.unwrap_err().to_string();
    assert!(error.contains("terraform init exited"), "{error}");
    let failure = recorder.logs();
    assert!(
        failure.iter().any(|log| log.output.contains("acme/thing")),
        "{failure:#?}"
    );

    bench.fetch();
    let (imported, recorder) = bench.import(&foreign).await;
    imported.unwrap();
    recorder.logged("fetched for other templates").await;
    bench.ran();
    bench.build(&foreign).await;
    assert_eq!(bench.ran(), ["apply"]);

    // The same import again: what it made the first time.
    let (imported, recorder) = bench.import(&foreign).await;
    imported.unwrap();
    recorder.logged("an earlier import of the same").await;

    // Without its provider the kept result is of no use.
    fs::remove_dir_all(bench.fetched()).unwrap();
    bench.fetch();
    fs::remove_dir_all(bench.folder.path().join("cache/init")).unwrap();
    bench.ran();
    let stages = bench.build(&foreign).await;
    assert_eq!(stages.first(), Some(&TimingStage::Init));
    assert!(bench.ran().contains(&"init".to_owned()));
}

const PUBLISHED: &str = r#"
terraform {
  required_providers {
    coder = {
      source  = "coder/coder"
      version = "2.13.1"
    }
  }
}
data "coder_provisioner" "here" {
}
resource "terraform_data" "disk" {
  input = data.coder_provisioner.here.os
}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_published_provider_comes_from_where_terraform_finds_it() {
    let published = "registry.terraform.io/coder/coder";
    let from_registry = Bench::with(|options| {
        options.provider_binary = None;
        Vec::new()
    });
    let (imported, recorder) = from_registry.import(&template(PUBLISHED)).await;
    imported.unwrap_err();
    // The registry cannot be reached here, and was asked.
    recorder
        .logged("could not connect to registry.terraform.io")
        .await;
    assert!(
        !from_registry
            .folder
            .path()
            .join("cache/mirror")
            .join(published)
            .exists()
    );

    // The administrator has a mirror with the published one.
    let elsewhere = tempfile::tempdir().unwrap();
    let package = elsewhere.path().join(published).join("2.13.1/linux_amd64");
    fs::create_dir_all(&package).unwrap();
    let program = package.join("terraform-provider-coder_v2.13.1");
    executable(&program, &format!("#!/bin/sh\nexec '{PROVIDER}'\n"));
    let config = elsewhere.path().join("rc");
    let text = format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n",
        elsewhere.path().display()
    );
    fs::write(&config, text).unwrap();
    let mirrored = Bench::with(|options| {
        options.provider_binary = None;
        vec![("TF_CLI_CONFIG_FILE".into(), config.into())]
    });
    mirrored.import(&template(PUBLISHED)).await.0.unwrap();
    mirrored.build(&template(PUBLISHED)).await;
    assert_eq!(mirrored.ran().last().map(String::as_str), Some("apply"));
}

/// Imports and builds with an OpenTofu at `program`.
async fn opentofu_works(program: PathBuf) {
    let bench = Bench::with(|options| {
        options.terraform_path = Some(program);
        Vec::new()
    });
    let found = bench.provisioner.check().await.unwrap();
    assert!(found.starts_with("OpenTofu 1."), "{found}");
    let ours = template(
        "terraform {\n  required_providers {\n    coder = {\n      source = \"coder/coder\"\n    }\n  }\n}\n\
         data \"coder_provisioner\" \"here\" {\n}\n\
         resource \"terraform_data\" \"disk\" {\n  input = data.coder_provisioner.here.os\n}\n",
    );
    bench.import(&ours).await.0.unwrap();
    bench.build(&ours).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_says_that_it_is_opentofu_is_run_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let (path, ran) = (folder.path().join("tofu"), folder.path().join("ran"));
    let script = format!(
        "#!/bin/sh\nPATH='{}'\ncase \"$*\" in\n\
         'version -json') echo '{{\"terraform_version\":\"1.9.1\"}}' ;;\n\
         version) echo 'OpenTofu v1.9.1' ;;\n\
         *) echo \"$*\" >>'{}'; exec terraform \"$@\" ;;\nesac\n",
        std::env::var("PATH").unwrap(),
        ran.display()
    );
    executable(&path, &script);
    opentofu_works(path).await;
    let ran = fs::read_to_string(ran).unwrap();
    assert!(ran.contains("init -no-color -input=false -json\n"), "{ran}");
    assert!(
        ran.contains("graph\n") && !ran.contains("-type=plan"),
        "{ran}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_opentofu_works() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("tofu"));
    match found.find(|path| path.is_file()) {
        Some(tofu) => opentofu_works(tofu).await,
        None => println!("skipped: there is no tofu on PATH"),
    }
}

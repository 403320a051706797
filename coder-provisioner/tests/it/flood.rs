//! A Terraform that writes more than anybody wants to read. Covers R17.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::DateTime;
use coder_core::id::{LeaseId, ProvisionerJobId};
use coder_core::provisioner_job::{LogLevel, ProvisionerType};
use coder_provisioner::protocol::{AcquiredJob, MAX_JOB_LOG_BYTES};
use coder_provisioner::{
    Daemon, DaemonOptions, Provisioner, TerraformOptions, TerraformProvisioner,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::daemon::{FakeServer, build};
use crate::terraform::tar;

/// What the flood may take on this slow machine; it takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// What it may cost in memory.
const MAX_GROWTH_KIB: u64 = 32 * 1024;

/// A Terraform that writes 100 MiB before it applies.
fn flooding_terraform(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("terraform");
    let search = std::env::var("PATH").unwrap();
    let line = |text: &str| format!(r#"{{"@level":"info","@message":"{text}"}}"#);
    let (first, last) = (line("first of the flood"), line("last of the flood"));
    let middle = line(&"0".repeat(1000));
    let script = format!(
        "#!/bin/sh\nPATH='{search}'\nif [ \"$1\" = apply ]; then\n  echo '{first}'\n  \
         yes '{middle}' | head -c 104857600\n  echo\n  echo '{last}'\nfi\n\
         exec \"$(command -v terraform)\" \"$@\"\n"
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The most memory that this process has had, in KiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_100_mib_costs_neither_the_build_nor_the_daemon_much() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = TerraformOptions::new(folder.path());
    options.terraform_path = Some(flooding_terraform(folder.path()));
    let provisioner: Arc<dyn Provisioner> = Arc::new(TerraformProvisioner::new(options));
    let server = Arc::new(FakeServer::default());
    let provisioners = BTreeMap::from([(ProvisionerType::Terraform, provisioner)]);
    let daemon = Daemon::new(
        DaemonOptions::default(),
        Arc::clone(&server) as _,
        provisioners,
    );
    let job = AcquiredJob {
        job_id: ProvisionerJobId(Uuid::from_u128(1)),
        lease: LeaseId(Uuid::from_u128(2)),
        created_at: DateTime::UNIX_EPOCH,
        provisioner: ProvisionerType::Terraform,
        user_name: "ann".into(),
        template_archive: tar(&[("main.tf", "resource \"terraform_data\" \"disk\" {}\n")]),
        module_files: None,
        kind: build(),
    };
    let (before, begun) = (peak_memory(), Instant::now());
    server.with(|inner| inner.queue.push_back(job));
    let shutdown = CancellationToken::new();
    let running = tokio::spawn({
        let shutdown = shutdown.clone();
        async move { daemon.run(shutdown).await }
    });
    let ended = || server.with(|inner| inner.completed.len() + inner.failed.len() > 0);
    while !ended() {
        assert!(begun.elapsed() < PATIENCE, "the build is stalled");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (took, grown) = (begun.elapsed(), peak_memory().saturating_sub(before));
    shutdown.cancel();
    running.await.unwrap();

    server.with(|inner| assert_eq!((inner.completed.len(), inner.failed.len()), (1, 0)));
    let logs = server.logs();
    let has = |text: &str| logs.iter().any(|log| log.output.contains(text));
    assert!(has("first of the flood") && has("last of the flood"));
    assert!(has("Apply complete!"), "what comes after is kept too");
    let cut = |log: &&_| {
        let log: &coder_provisioner::protocol::JobLog = log;
        log.level == LogLevel::Warn && log.output.contains("lines are left out")
    };
    assert_eq!(logs.iter().filter(cut).count(), 1);
    let bytes: usize = logs.iter().map(|log| log.output.len()).sum();
    assert!(bytes <= MAX_JOB_LOG_BYTES, "{bytes}");
    assert!(grown <= MAX_GROWTH_KIB, "{grown} KiB");
    eprintln!(
        "100 MiB of output: {} ms, {grown} KiB more",
        took.as_millis()
    );
}

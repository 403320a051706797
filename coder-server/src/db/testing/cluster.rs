//! The PostgreSQL shared by the tests of one run.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use sqlx::{ConnectOptions as _, Connection as _, Executor as _, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

use crate::postgres::{
    Account, clear_leftover, command, connect_options, initdb, locate, server_arguments,
};

/// The database that the others are copies of.
pub(super) const TEMPLATE: &str = "coder_template";

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Ends PostgreSQL and removes its files when the process that owns the run is gone.
const GUARD: &str = r#"
owner=$1 pid=$2 dir=$3
while kill -0 "$owner"; do sleep 0.5; done
kill -INT "$pid"
while kill -0 "$pid"; do sleep 0.1; done
rm -rf -- "$dir"
"#;

/// A running PostgreSQL with a migrated template database.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    socket_dir: PathBuf,
    major: u32,
}

impl Cluster {
    /// The cluster of this test run, started if need be.
    pub(super) async fn shared() -> &'static Self {
        static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
        CLUSTER.get_or_init(Self::join).await
    }

    /// How to connect to one of its databases.
    pub(super) fn options(&self, role: &str, database: &str) -> PgConnectOptions {
        connect_options(&self.socket_dir, role, database)
    }

    /// How to copy the template fastest: without the log, where that can be chosen.
    pub(super) fn copy_strategy(&self) -> &'static str {
        if self.major >= 15 {
            " STRATEGY file_copy"
        } else {
            ""
        }
    }

    /// Starts the cluster of this run, or finds it started by another process.
    async fn join() -> Self {
        let run = Run::current();
        let installed = locate::installations(
            std::env::var_os("CODER_PG_BIN_DIR")
                .as_deref()
                .map(Path::new),
            std::env::var_os("PATH").as_deref(),
        );
        let installation = locate::choose(&installed, None, &locate::searched(None))
            .expect("tests need PostgreSQL");
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&run.dir)
            .expect("temporary directory");
        let lock = File::create(run.dir.join("lock")).expect("lock file");
        // On another thread: a lock held by a test of this very runtime would never be released.
        let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock))
            .await
            .expect("locking does not panic")
            .expect("lock");
        let cluster = Self {
            socket_dir: run.dir.join("pg/run"),
            major: installation.major,
        };
        if !run.dir.join("ready").exists() {
            cluster.start(&run, &installation).await;
            cluster.make_template().await;
            File::create(run.dir.join("ready")).expect("mark the cluster as ready");
        }
        drop(lock);
        cluster
    }

    async fn start(&self, run: &Run, installation: &locate::Installation) {
        let account = Account::needed().expect("account for PostgreSQL");
        let root = run.dir.join("pg");
        let data = root.join("data");
        if root.exists() {
            // A process of this run was killed half way.
            clear_leftover(&data, &self.socket_dir)
                .await
                .expect("stop PostgreSQL");
            fs::remove_dir_all(&root).expect("remove an unfinished cluster");
        }
        for dir in [&root, &self.socket_dir] {
            fs::create_dir(dir).expect("create a directory");
            fs::set_permissions(dir, Permissions::from_mode(0o700)).expect("close a directory");
            if let Some(account) = &account {
                chown(dir, Some(account.uid), Some(account.gid)).expect("change the owner");
            }
        }
        initdb(installation, &data, account.as_ref(), false)
            .await
            .expect("initdb");
        let log = File::create(run.dir.join("log")).expect("log file");
        let mut server = command(&installation.bin_dir.join("postgres"), account.as_ref());
        server
            .args(server_arguments(&data, &self.socket_dir, false))
            .args(["-c", "max_connections=300", "-c", "autovacuum=off"])
            .args(["-c", "wal_level=minimal", "-c", "max_wal_senders=0"])
            .stdout(Stdio::null())
            .stderr(log);
        // Not waited for: it ends after this process, or is collected by the runtime.
        let child = tokio::process::Command::from(server)
            .spawn()
            .expect("start PostgreSQL");
        let mut guard = command(Path::new("/bin/sh"), None);
        guard
            .args(["-c", GUARD, "coder-test-guard", &run.owner.to_string()])
            .arg(child.id().expect("running").to_string())
            .arg(&run.dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        tokio::process::Command::from(guard)
            .spawn()
            .expect("start the guard");
    }

    async fn make_template(&self) {
        let deadline = tokio::time::Instant::now() + START_TIMEOUT;
        let mut admin = loop {
            match self.options("postgres", "postgres").connect().await {
                Ok(connection) => break connection,
                Err(error) => {
                    assert!(tokio::time::Instant::now() < deadline, "not ready: {error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        // Roles are the cluster's, databases are each test's.
        admin
            .execute("CREATE ROLE coder LOGIN")
            .await
            .expect("role");
        let create = format!("CREATE DATABASE {TEMPLATE} OWNER coder");
        admin
            .execute(sqlx::AssertSqlSafe(create))
            .await
            .expect("template database");
        admin.close().await.expect("close");
        crate::db::migrate(&self.options("coder", TEMPLATE))
            .await
            .expect("migrate");
    }
}

/// The test run that this process is part of.
#[derive(Debug)]
struct Run {
    /// The process with which the run ends.
    owner: i32,
    dir: PathBuf,
}

impl Run {
    fn current() -> Self {
        let nextest = std::env::var("NEXTEST_RUN_ID").ok();
        let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
        let (owner, key) = match (nextest, parent) {
            (Some(run), Some(parent)) => (parent, run),
            _ => {
                let own = i32::try_from(std::process::id()).expect("process number");
                (own, uuid::Uuid::new_v4().to_string())
            }
        };
        // Not TMPDIR, whose path may be too long for a socket or closed to other accounts.
        Self {
            owner,
            dir: PathBuf::from(format!("/tmp/coder-test-{key}")),
        }
    }
}

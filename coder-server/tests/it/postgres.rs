//! The bundled PostgreSQL, run for real.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use coder_server::postgres::{BundledOptions, BundledPostgres, PostgresError};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sqlx::{ConnectOptions as _, PgConnection};

const DEADLINE: Duration = Duration::from_secs(60);
/// Set for the process that a test starts in order to kill it.
const DIRECTORY: &str = "CODER_TEST_POSTGRES_DIRECTORY";

/// A directory that the account of PostgreSQL can reach.
fn directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new()
        .prefix("coder-test-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in("/tmp")
        .unwrap()
}

fn options(directory: &Path) -> BundledOptions {
    BundledOptions::new(Some(directory.join("postgres")))
}

async fn connect(postgres: &BundledPostgres) -> PgConnection {
    postgres.connect_options().connect().await.unwrap()
}

async fn mark(postgres: &BundledPostgres) {
    let mut connection = connect(postgres).await;
    sqlx::query("CREATE TABLE mark (n int)")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("INSERT INTO mark VALUES (42)")
        .execute(&mut connection)
        .await
        .unwrap();
}

async fn read_mark(postgres: &BundledPostgres) -> i32 {
    let mut connection = connect(postgres).await;
    sqlx::query_scalar("SELECT n FROM mark")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

fn postmaster(data: &Path) -> Pid {
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap();
    Pid::from_raw(text.lines().next().unwrap().parse().unwrap()).unwrap()
}

async fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn data_outlives_a_restart_and_nothing_runs_afterwards() {
    let dir = directory();
    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    mark(&postgres).await;
    let data = postgres.data_directory().to_path_buf();
    let pid = postmaster(&data);
    // A client that stays connected does not hold it up.
    let _idle = connect(&postgres).await;
    postgres.stop().await.unwrap();
    assert!(test_kill_process(pid).is_err());
    assert!(!data.join("postmaster.pid").exists());

    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    assert_eq!(read_mark(&postgres).await, 42);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn application_is_no_superuser_and_there_is_no_tcp_port() {
    let dir = directory();
    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    let mut connection = connect(&postgres).await;
    let (superuser, listen): (bool, String) = sqlx::query_as(
        "SELECT rolsuper, current_setting('listen_addresses') FROM pg_roles \
         WHERE rolname = current_user",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!((superuser, listen.as_str()), (false, ""));
    let from_url: sqlx::postgres::PgConnectOptions = postgres.url().parse().unwrap();
    from_url.connect().await.unwrap();
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn second_server_on_the_same_directory_is_refused() {
    let dir = directory();
    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    let second = BundledPostgres::start(options(dir.path())).await;
    assert!(
        matches!(second, Err(PostgresError::InUse { .. })),
        "{second:?}"
    );
    mark(&postgres).await;
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn stale_pid_file_is_no_obstacle() {
    let dir = directory();
    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    mark(&postgres).await;
    let data = postgres.data_directory().to_path_buf();
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap();
    postgres.stop().await.unwrap();

    let (_, rest) = text.split_once('\n').unwrap();
    let mut other = Command::new("sleep").arg("600").spawn().unwrap();
    // A number of no process; one that now belongs to another program; nothing at all.
    let contents = [
        format!("999999999\n{rest}"),
        format!("{}\n{rest}", other.id()),
        String::new(),
    ];
    for content in contents {
        fs::write(data.join("postmaster.pid"), &content).unwrap();
        let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
        assert_eq!(read_mark(&postgres).await, 42, "{content:?}");
        postgres.stop().await.unwrap();
    }
    assert!(
        other.try_wait().unwrap().is_none(),
        "an innocent process was ended"
    );
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn postgres_that_dies_is_started_again() {
    let dir = directory();
    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    mark(&postgres).await;
    let data = postgres.data_directory().to_path_buf();
    let first = postmaster(&data);
    kill_process(first, Signal::KILL).unwrap();
    let start = Instant::now();
    loop {
        if let Ok(mut connection) = postgres.connect_options().connect().await
            && let Ok(n) = sqlx::query_scalar::<_, i32>("SELECT n FROM mark")
                .fetch_one(&mut connection)
                .await
            && postmaster(&data) != first
        {
            assert_eq!(n, 42);
            break;
        }
        assert!(start.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn killed_server_leaves_nothing_running_and_can_be_started_at_once() {
    let dir = directory();
    let (mut server, data) = start_in_child(dir.path());
    let first = postmaster(&data);
    server.kill().unwrap();
    server.wait().unwrap();
    // At once, while the PostgreSQL of the killed server may still run.
    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    assert_ne!(postmaster(&data), first);
    mark(&postgres).await;
    postgres.stop().await.unwrap();

    let (mut server, data) = start_in_child(dir.path());
    let second = postmaster(&data);
    server.kill().unwrap();
    server.wait().unwrap();
    wait_until("PostgreSQL outlives its server", || {
        test_kill_process(second).is_err()
    })
    .await;
    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    assert_eq!(read_mark(&postgres).await, 42);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn ephemeral_directory_is_removed_also_after_a_kill() {
    let postgres = BundledPostgres::start(BundledOptions::new(None))
        .await
        .unwrap();
    let data = postgres.data_directory().to_path_buf();
    assert!(data.exists());
    postgres.stop().await.unwrap();
    assert!(!data.parent().unwrap().exists());

    let (mut server, data) = start_in_child(Path::new(""));
    server.kill().unwrap();
    server.wait().unwrap();
    let root = data.parent().unwrap().to_path_buf();
    wait_until("files of an ephemeral server stay", || !root.exists()).await;
}

#[tokio::test]
async fn interrupted_initdb_is_repeated() {
    let dir = directory();
    let unfinished = dir.path().join("postgres/data.new-4711");
    fs::create_dir_all(unfinished.join("base")).unwrap();
    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    mark(&postgres).await;
    postgres.stop().await.unwrap();
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn without_postgres_the_error_names_the_remedy() {
    let dir = directory();
    let mut options = options(dir.path());
    options.bin_dir = Some(dir.path().to_path_buf());
    let error = BundledPostgres::start(options).await.unwrap_err();
    assert!(error.to_string().contains("apt-get install"), "{error}");
    assert!(
        !dir.path().join("postgres").exists(),
        "nothing is made before it is known to work"
    );
}

#[tokio::test]
async fn unreachable_directory_is_a_link_for_root() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root changes its account");
        return;
    }
    let dir = directory();
    fs::set_permissions(
        dir.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    mark(&postgres).await;
    let target = fs::read_link(dir.path().join("postgres")).unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(
        &fs::metadata(format!("/proc/{}", postmaster(postgres.data_directory()))).unwrap(),
    );
    assert_ne!(owner, 0, "PostgreSQL runs as root");
    postgres.stop().await.unwrap();
    // The link is followed again.
    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    assert_eq!(read_mark(&postgres).await, 42);
    assert_eq!(fs::read_link(dir.path().join("postgres")).unwrap(), target);
    postgres.stop().await.unwrap();
    fs::remove_dir_all(target).unwrap();
}

/// Runs [`serve_until_killed`] in another process; answers it and the data directory.
fn start_in_child(directory: &Path) -> (std::process::Child, PathBuf) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "postgres::serve_until_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let data = lines
        .map(Result::unwrap)
        .find_map(|line| {
            line.split_once("data=")
                .map(|(_, data)| PathBuf::from(data))
        })
        .expect("the child starts PostgreSQL");
    (child, data)
}

#[tokio::test]
#[ignore = "the part of other tests that runs in a process of its own"]
async fn serve_until_killed() {
    let directory = PathBuf::from(std::env::var_os(DIRECTORY).expect("run by another test"));
    let directory = Some(directory.join("postgres")).filter(|dir| dir.is_absolute());
    let postgres = BundledPostgres::start(BundledOptions::new(directory))
        .await
        .unwrap();
    println!("data={}", postgres.data_directory().display());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn store_and_events_recover_when_postgres_is_restarted() {
    use coder_core::{
        event::{Event, PubSub as _, Signal, Topic},
        id::ProvisionerJobId,
        store::{Store as _, StoreError},
    };
    use coder_server::db::{DatabaseOptions, PgPubSub, PgStore, migrate};
    use futures_util::StreamExt as _;

    let dir = directory();
    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    let connect = postgres.connect_options();
    migrate(&connect).await.unwrap();
    let store = PgStore::connect(DatabaseOptions::new(connect.clone()))
        .await
        .unwrap();
    let pubsub = PgPubSub::start(connect).await;
    let job_id = ProvisionerJobId(uuid::Uuid::nil());
    let mut subscription = pubsub.subscribe(Topic::Job(job_id)).await.unwrap();
    // A transaction that is open when it happens fails, and says that it is temporary.
    let mut open = store.begin().await.unwrap();
    postgres.stop().await.unwrap();
    let failed = open.publish(Event::JobLogs { job_id }).await;
    assert!(
        matches!(failed, Err(StoreError::Unavailable(_))),
        "{failed:?}"
    );
    drop(open);
    let down = store.ping().await;
    assert!(matches!(down, Err(StoreError::Unavailable(_))), "{down:?}");

    let postgres = BundledPostgres::start(options(dir.path())).await.unwrap();
    store.ping().await.unwrap();
    let signal = tokio::time::timeout(DEADLINE, subscription.next())
        .await
        .unwrap();
    assert_eq!(signal, Some(Signal::Missed));
    let mut transaction = store.begin().await.unwrap();
    transaction
        .publish(Event::JobLogs { job_id })
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let signal = tokio::time::timeout(DEADLINE, subscription.next())
        .await
        .unwrap();
    assert_eq!(signal, Some(Signal::Event(Event::JobLogs { job_id })));
    postgres.stop().await.unwrap();
}

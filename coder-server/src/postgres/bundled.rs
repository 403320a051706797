//! Running PostgreSQL for the life of a server.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, postgres::PgConnectOptions,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    PostgresError,
    account::Account,
    initdb::{SUPERUSER, initdb},
    layout::Layout,
    leftover, locate,
    postmaster::{Postmaster, Settings, connect_options},
};

/// The role and the database of the application.
const APPLICATION: &str = "coder";
/// First and longest pause before a PostgreSQL that died is started again.
const RESTART_PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// Attempts of the first start: for a moment after a crash the shared memory is still in use.
const START_ATTEMPTS: u32 = 4;

/// How to run the bundled PostgreSQL.
#[derive(Debug, Clone)]
pub struct BundledOptions {
    /// Where its files are kept, made if absent. None for a temporary directory that is removed
    /// in the end, with the guarantees against power loss switched off.
    pub directory: Option<PathBuf>,
    /// The directory of the binaries; searched for when none is given.
    pub bin_dir: Option<PathBuf>,
    /// Where else binaries are searched for, in the form of `PATH`.
    pub search_path: Option<OsString>,
    /// How long to wait for connections to be accepted. After a crash this includes recovery.
    pub start_timeout: Duration,
}

impl BundledOptions {
    /// Options with the usual values: `CODER_PG_BIN_DIR` and `PATH` of this process, 60 s to start.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self {
            directory,
            bin_dir: std::env::var_os("CODER_PG_BIN_DIR").map(PathBuf::from),
            search_path: std::env::var_os("PATH"),
            start_timeout: Duration::from_secs(60),
        }
    }
}

/// A PostgreSQL that runs until it is stopped, and is restarted if it dies before.
///
/// Call [`stop`](Self::stop) in the end. Dropped instead, or when this process is killed, a guard
/// process stops PostgreSQL.
#[derive(Debug)]
pub struct BundledPostgres {
    socket_dir: PathBuf,
    data: PathBuf,
    major: u32,
    stopping: CancellationToken,
    supervisor: JoinHandle<Result<(), PostgresError>>,
}

impl BundledPostgres {
    /// Finds PostgreSQL, makes its data directory when there is none, starts it, and makes sure
    /// that the role and the database of the application exist.
    ///
    /// # Errors
    /// [`PostgresError`]; its text says what to do where something can be done.
    pub async fn start(options: BundledOptions) -> Result<Self, PostgresError> {
        let bin_dir = options.bin_dir.as_deref();
        let found = locate::installations(bin_dir, options.search_path.as_deref());
        let searched = locate::searched(bin_dir);
        // Before anything is made on disk.
        locate::choose(&found, None, &searched)?;
        let account = Account::needed()?;
        let layout = Layout::prepare(options.directory.as_deref(), account.as_ref())?;
        let existing = layout
            .data_major()?
            .map(|major| (layout.data.as_path(), major));
        let installation = locate::choose(&found, existing, &searched)?;
        let major = installation.major;
        let settings = Settings {
            installation,
            account,
            durable: options.directory.is_some(),
            start_timeout: options.start_timeout,
        };
        leftover::clear(&layout.data, &layout.socket_dir).await?;
        initdb(
            &settings.installation,
            &layout.data,
            settings.account.as_ref(),
            settings.durable,
        )
        .await?;
        let postmaster = first_start(&settings, &layout).await?;
        if let Err(error) = prepare(&layout.socket_dir).await {
            postmaster.stop().await?;
            return Err(PostgresError::Prepare(error));
        }
        let (socket_dir, data) = (layout.socket_dir.clone(), layout.data.clone());
        let stopping = CancellationToken::new();
        let supervisor = tokio::spawn(supervise(postmaster, settings, layout, stopping.clone()));
        Ok(Self {
            socket_dir,
            data,
            major,
            stopping,
            supervisor,
        })
    }

    /// The URL of the application's database, usable with `psql` too. It contains no secret.
    pub fn url(&self) -> String {
        let socket_dir = percent_encode(self.socket_dir.as_os_str().as_bytes());
        format!("postgres://{APPLICATION}@{socket_dir}/{APPLICATION}")
    }

    /// How to connect to the application's database.
    pub fn connect_options(&self) -> PgConnectOptions {
        connect_options(&self.socket_dir, APPLICATION, APPLICATION)
    }

    /// The data directory.
    pub fn data_directory(&self) -> &Path {
        &self.data
    }

    /// The major version of the server.
    pub fn major_version(&self) -> u32 {
        self.major
    }

    /// Stops PostgreSQL and waits until it is gone. Connections still open are cut off.
    ///
    /// # Errors
    /// [`PostgresError::NotStopped`] when it withstands every signal.
    pub async fn stop(self) -> Result<(), PostgresError> {
        self.stopping.cancel();
        // The task neither panics nor is aborted; an unfinished stop is what the guard is for.
        self.supervisor.await.unwrap_or(Ok(()))
    }
}

async fn first_start(settings: &Settings, layout: &Layout) -> Result<Postmaster, PostgresError> {
    let probe = connect_options(&layout.socket_dir, SUPERUSER, "postgres");
    let mut attempt = 1;
    loop {
        match Postmaster::start(settings, layout, &probe).await {
            Err(error @ PostgresError::Failed { .. }) if attempt < START_ATTEMPTS => {
                tracing::debug!(%error, attempt, "PostgreSQL did not start");
                attempt += 1;
                tokio::time::sleep(RESTART_PAUSE.0).await;
            }
            result => return result,
        }
    }
}

/// Makes the role and the database of the application, unless they exist.
async fn prepare(socket_dir: &Path) -> Result<(), sqlx::Error> {
    let mut connection = connect_options(socket_dir, SUPERUSER, "postgres")
        .connect()
        .await?;
    let exists = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1), \
                  EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    let (role, database): (bool, bool) = sqlx::query_as(exists)
        .bind(APPLICATION)
        .fetch_one(&mut connection)
        .await?;
    if !role {
        let create = format!("CREATE ROLE {APPLICATION} LOGIN");
        connection.execute(AssertSqlSafe(create)).await?;
    }
    if !database {
        let create = format!("CREATE DATABASE {APPLICATION} OWNER {APPLICATION}");
        connection.execute(AssertSqlSafe(create)).await?;
    }
    connection.close().await
}

async fn supervise(
    mut postmaster: Postmaster,
    settings: Settings,
    layout: Layout,
    stopping: CancellationToken,
) -> Result<(), PostgresError> {
    let probe = connect_options(&layout.socket_dir, SUPERUSER, "postgres");
    loop {
        tokio::select! {
            () = stopping.cancelled() => return postmaster.stop().await,
            status = postmaster.ended() => {
                let status = status.map_or_else(|error| error.to_string(), |s| s.to_string());
                let log = postmaster.finish().await;
                tracing::error!(status, log, "PostgreSQL ended unexpectedly; starting it again");
            }
        }
        let mut pause = RESTART_PAUSE.0;
        postmaster = loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
            match Postmaster::start(&settings, &layout, &probe).await {
                Ok(postmaster) => break postmaster,
                Err(error) => {
                    tracing::error!(%error, "PostgreSQL does not start");
                    pause = (pause * 2).min(RESTART_PAUSE.1);
                }
            }
        };
    }
}

fn percent_encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_path_survives_the_url() {
        let path = "/home/a user/.config/ü%2F";
        let url = format!("postgres://coder@{}/coder", percent_encode(path.as_bytes()));
        let options: PgConnectOptions = url.parse().unwrap();
        assert_eq!(options.get_socket(), Some(&PathBuf::from(path)));
        assert_eq!(
            (options.get_username(), options.get_database()),
            ("coder", Some("coder"))
        );
    }
}

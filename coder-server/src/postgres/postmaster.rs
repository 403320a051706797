//! One run of the PostgreSQL server process.

use std::{path::Path, process::ExitStatus, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};
use tokio::process::Child;

use super::{
    PostgresError,
    account::Account,
    command::{command, server_arguments},
    error::IoContext,
    guard::Guard,
    layout::Layout,
    locate::Installation,
    output::Output,
};

/// How long a fast shutdown may take before a harder signal is sent.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// What it takes to start the server process.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) installation: Installation,
    pub(super) account: Option<Account>,
    pub(super) durable: bool,
    pub(super) start_timeout: Duration,
}

/// A running server process.
#[derive(Debug)]
pub(super) struct Postmaster {
    child: Child,
    guard: Guard,
    output: Output,
}

impl Postmaster {
    /// Starts the process and waits until it accepts connections with `probe`.
    pub(super) async fn start(
        settings: &Settings,
        layout: &Layout,
        probe: &PgConnectOptions,
    ) -> Result<Self, PostgresError> {
        let program = settings.installation.bin_dir.join("postgres");
        let mut command = command(&program, settings.account.as_ref());
        command
            .args(server_arguments(
                &layout.data,
                &layout.socket_dir,
                settings.durable,
            ))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .during(|| format!("start {}", program.display()))?;
        let output = Output::forward(child.stderr.take().ok_or_else(no_stderr)?);
        let remove = (!settings.durable).then_some(layout.root.as_path());
        let guard = Guard::start(child.id().unwrap_or_default(), &layout.data, remove);
        let guard = match guard {
            Ok(guard) => guard,
            Err(error) => {
                // Not ready yet, so nothing can be lost.
                let killed = child.kill().await;
                tracing::debug!(?killed, "ended PostgreSQL");
                return Err(error);
            }
        };
        let mut postmaster = Self {
            child,
            guard,
            output,
        };
        match postmaster.wait_ready(probe, settings.start_timeout).await {
            Ok(()) => Ok(postmaster),
            Err(error) => {
                if let Err(stop) = postmaster.stop().await {
                    tracing::warn!(error = %stop, "PostgreSQL failed to start and to stop");
                }
                Err(error)
            }
        }
    }

    /// Waits until the process ends by itself.
    pub(super) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Stops the process: its clients are cut off and the data is left clean. Harder signals
    /// follow if it takes too long, after which the next start recovers from the log.
    pub(super) async fn stop(mut self) -> Result<(), PostgresError> {
        let mut stopped = false;
        for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
            let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
            let Some(pid) = pid.and_then(Pid::from_raw) else {
                stopped = true;
                break;
            };
            if let Err(error) = kill_process(pid, signal) {
                tracing::debug!(%error, "cannot signal PostgreSQL");
            }
            if tokio::time::timeout(STOP_TIMEOUT, self.child.wait())
                .await
                .is_ok()
            {
                stopped = true;
                break;
            }
            tracing::warn!(?signal, "PostgreSQL did not stop in time");
        }
        let pid = self.child.id().unwrap_or_default();
        self.finish().await;
        if stopped {
            Ok(())
        } else {
            Err(PostgresError::NotStopped { pid })
        }
    }

    /// Collects what belongs to a process that has ended, and answers the end of its log.
    pub(super) async fn finish(mut self) -> String {
        self.guard.release().await;
        self.output.finish().await;
        self.output.tail()
    }

    async fn wait_ready(
        &mut self,
        probe: &PgConnectOptions,
        timeout: Duration,
    ) -> Result<(), PostgresError> {
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            if let Some(status) = self
                .child
                .try_wait()
                .during(|| "wait for PostgreSQL".to_owned())?
            {
                self.output.finish().await;
                return Err(PostgresError::Failed {
                    program: "postgres",
                    status: status.to_string(),
                    output: self.output.tail(),
                });
            }
            // Refused while there is no socket yet, and during recovery after a crash.
            match tokio::time::timeout_at(deadline, probe.connect()).await {
                Ok(Ok(connection)) => {
                    if let Err(error) = connection.close().await {
                        tracing::debug!(%error, "probe of PostgreSQL");
                    }
                    return Ok(());
                }
                Ok(Err(_)) if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(POLL).await;
                }
                Ok(Err(_)) | Err(_) => {
                    return Err(PostgresError::NotReady {
                        seconds: timeout.as_secs(),
                        output: self.output.tail(),
                    });
                }
            }
        }
    }
}

/// Options to connect to the server behind a socket as a role.
pub(crate) fn connect_options(socket_dir: &Path, role: &str, database: &str) -> PgConnectOptions {
    // The rest comes from PGHOST and the like, so everything is set.
    PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .port(5432)
        .username(role)
        .database(database)
        .ssl_mode(sqlx::postgres::PgSslMode::Disable)
}

fn no_stderr() -> PostgresError {
    PostgresError::Io {
        action: "read the log of PostgreSQL".to_owned(),
        source: std::io::ErrorKind::BrokenPipe.into(),
    }
}

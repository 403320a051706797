//! The provisioner: what all sessions share.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coder_core::clock::{Clock, OsEntropy, SystemClock};
use coder_core::id::{ProvisionerJobId, random_uuid};
use coder_core::provisioner_job::LogLevel;
use tokio::sync::{Mutex, OnceCell, OwnedMutexGuard};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::archive::extract;
use super::binary::Binary;
use super::cli_config::CliConfig;
use super::environment::{self, Environment};
use super::init_cache::InitCache;
use super::leftovers::{self, Owner};
use super::options::TerraformOptions;
use super::session::TerraformSession;
use super::workdir::{WorkDirectory, sweep};
use crate::protocol::{Config, Log};
use crate::{Error, Leftover, LogSink, Provisioner, Result, Session};

/// Runs templates with Terraform.
#[derive(Debug, Clone)]
pub struct TerraformProvisioner {
    shared: Arc<Shared>,
}

/// What all sessions share.
pub(super) struct Shared {
    pub(super) options: TerraformOptions,
    pub(super) clock: Arc<dyn Clock>,
    /// One `init` at a time: they all write to the cache of providers.
    init: Arc<Mutex<()>>,
    own_environment: Vec<(OsString, OsString)>,
    ready: OnceCell<Ready>,
}

/// What has to be found or made once.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) binary: Binary,
    pub(super) cli_config: Arc<CliConfig>,
    /// What `init` made for templates that were here before.
    pub(super) init_cache: InitCache,
    /// The environment of every command.
    pub(super) environment: Environment,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl TerraformProvisioner {
    /// A provisioner with this process's environment. Terraform is looked for when the first
    /// session is opened.
    #[must_use]
    pub fn new(options: TerraformOptions) -> Self {
        Self::with_environment(options, std::env::vars_os().collect())
    }

    /// The same with another environment to pass variables on from.
    #[must_use]
    pub fn with_environment(
        options: TerraformOptions,
        environment: Vec<(OsString, OsString)>,
    ) -> Self {
        let shared = Shared {
            options,
            clock: Arc::new(SystemClock),
            init: Arc::default(),
            own_environment: environment,
            ready: OnceCell::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Looks for Terraform, fetches it where the options say so, and prepares the directories, to tell early what is
    /// missing. Sessions do so by themselves. Answers with what was found, such as `Terraform 1.11.4`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unavailable`] with what to do when there is no suitable Terraform.
    pub async fn check(&self) -> Result<String> {
        let binary = &self.shared.ready().await?.binary;
        Ok(format!("{} {}", binary.product, binary.version))
    }
}

impl Shared {
    /// Finds and prepares what is needed. A failure is not kept: Terraform may be installed
    /// meanwhile.
    pub(super) async fn ready(&self) -> Result<&Ready> {
        self.ready.get_or_try_init(|| self.prepare()).await
    }

    async fn prepare(&self) -> Result<Ready> {
        let options = &self.options;
        let variable = |name: &str| {
            let found = self.own_environment.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_os_str())
        };
        let binary = Binary::locate(options, variable("PATH")).await?;
        let (cache, provider) = (
            options.cache_directory.clone(),
            options.provider_binary.clone(),
        );
        let (work, now) = (options.work_directory.clone(), self.clock.now());
        let own_config = variable("TF_CLI_CONFIG_FILE").map(PathBuf::from);
        let (cli_config, init_cache) = blocking(move || {
            sweep(&work, now.into());
            let cache = absolute(cache)?;
            let provider = provider.map(absolute).transpose()?;
            let config = CliConfig::prepare(&cache, provider.as_deref(), own_config.as_deref())?;
            Ok((config, InitCache::new(&cache)))
        })
        .await?;
        let environment = environment::basic(
            self.own_environment.iter().cloned(),
            &options.environment,
            &cli_config.file,
            &cli_config.plugin_cache,
        );
        Ok(Ready {
            binary,
            cli_config: Arc::new(cli_config),
            init_cache,
            environment,
        })
    }

    /// Waits until nobody else, here or in another process, fills the cache of providers.
    pub(super) async fn init_turn(&self, cancel: &CancellationToken) -> Result<InitTurn> {
        let here = tokio::select! {
            here = Arc::clone(&self.init).lock_owned() => here,
            () = cancel.cancelled() => return Err(Error::canceled()),
        };
        let failed = |error| Error::internal("lock the cache of providers", error);
        let path = self.options.cache_directory.join("lock");
        let mut open = File::options();
        open.create(true).truncate(false).write(true);
        let file = blocking(move || open.open(path).map_err(failed)).await?;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    return Ok(InitTurn {
                        _here: here,
                        _everywhere: file,
                    });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            tokio::select! {
                () = sleep(LOCK_POLL) => {}
                () = cancel.cancelled() => return Err(Error::canceled()),
            }
        }
    }
}

/// How often a lock is tried that another process has: a wait for it could not be cancelled.
const LOCK_POLL: Duration = Duration::from_millis(100);

/// The right to fill the cache of providers, given back when dropped.
pub(super) struct InitTurn {
    _here: OwnedMutexGuard<()>,
    _everywhere: File,
}

#[async_trait]
impl Provisioner for TerraformProvisioner {
    async fn session(&self, config: Config, logs: Arc<dyn LogSink>) -> Result<Box<dyn Session>> {
        if self.shared.options.fetch.is_some() && !self.shared.ready.initialized() {
            let text = "Terraform is looked for, and fetched if there is none";
            logs.log(Log::new(LogLevel::Info, text));
        }
        self.shared.ready().await?;
        let parent = self.shared.options.work_directory.clone();
        let id = random_uuid(&OsEntropy);
        let archive = config.template_archive.clone();
        let owner = Owner {
            job_id: config.job_id,
            lease: config.lease,
        };
        let directory = blocking(move || {
            let directory = WorkDirectory::create(&absolute(parent)?, id, owner)?;
            extract(&archive, &directory.template())?;
            Ok(directory)
        })
        .await?;
        let shared = Arc::clone(&self.shared);
        Ok(Box::new(TerraformSession::new(
            shared, directory, &config, logs,
        )))
    }

    async fn leftovers(&self) -> Vec<Leftover> {
        let parent = self.shared.options.work_directory.clone();
        let found = blocking(move || Ok(leftovers::find(&absolute(parent)?))).await;
        found.unwrap_or_default()
    }

    async fn keep_state(&self, job_id: ProvisionerJobId, state: Bytes) {
        let parent = self.shared.options.work_directory.clone();
        let id = random_uuid(&OsEntropy);
        let keep = move || leftovers::keep(&absolute(parent)?, id, job_id, &state);
        if let Err(error) = blocking(keep).await {
            tracing::error!(%job_id, error = %error.chain(), "a state that the server did not take is lost");
        }
    }
}

/// Runs file work where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::internal("file work was dropped", error)))
}

/// Terraform runs in another directory, so every path it gets is absolute.
fn absolute(path: PathBuf) -> Result<PathBuf> {
    std::path::absolute(&path)
        .map_err(|error| Error::internal(format!("resolve {}", path.display()), error))
}

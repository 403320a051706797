//! The provisioner: what all sessions share.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use coder_core::clock::{Clock, OsEntropy, SystemClock};
use coder_core::id::random_uuid;
use tokio::sync::{Mutex, OnceCell};

use super::archive::extract;
use super::binary::Binary;
use super::cli_config::CliConfig;
use super::environment::{self, Environment};
use super::options::TerraformOptions;
use super::session::TerraformSession;
use super::workdir::{WorkDirectory, sweep};
use crate::protocol::Config;
use crate::{Error, LogSink, Provisioner, Result, Session};

/// Runs templates with Terraform.
#[derive(Debug)]
pub struct TerraformProvisioner {
    shared: Arc<Shared>,
}

/// What all sessions share.
pub(super) struct Shared {
    pub(super) options: TerraformOptions,
    pub(super) clock: Arc<dyn Clock>,
    /// One `init` at a time: they all write to the cache of providers.
    pub(super) init: Mutex<()>,
    own_environment: Vec<(OsString, OsString)>,
    ready: OnceCell<Ready>,
}

/// What has to be found or made once.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) binary: Binary,
    pub(super) cli_config: Arc<CliConfig>,
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
            init: Mutex::new(()),
            own_environment: environment,
            ready: OnceCell::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Looks for Terraform and prepares the directories, to tell early what is missing. Sessions
    /// do so by themselves.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unavailable`] with what to do when there is no suitable Terraform.
    pub async fn check(&self) -> Result<String> {
        Ok(self.shared.ready().await?.binary.version.to_string())
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
        let binary = Binary::find(options.terraform_path.as_deref(), variable("PATH")).await?;
        let (cache, provider) = (
            options.cache_directory.clone(),
            options.provider_binary.clone(),
        );
        let (work, now) = (options.work_directory.clone(), self.clock.now());
        let cli_config = blocking(move || {
            sweep(&work, now.into());
            let cache = absolute(cache)?;
            let provider = provider.map(absolute).transpose()?;
            CliConfig::prepare(&cache, provider.as_deref())
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
            environment,
        })
    }
}

#[async_trait]
impl Provisioner for TerraformProvisioner {
    async fn session(&self, config: Config, logs: Arc<dyn LogSink>) -> Result<Box<dyn Session>> {
        self.shared.ready().await?;
        let parent = self.shared.options.work_directory.clone();
        let id = random_uuid(&OsEntropy);
        let archive = config.template_archive;
        let directory = blocking(move || {
            let directory = WorkDirectory::create(&absolute(parent)?, id)?;
            extract(&archive, &directory.template())?;
            Ok(directory)
        })
        .await?;
        let shared = Arc::clone(&self.shared);
        Ok(Box::new(TerraformSession::new(
            shared,
            directory,
            config.log_level,
            logs,
        )))
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

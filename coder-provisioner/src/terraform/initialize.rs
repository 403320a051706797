//! `terraform init`, or what spares it.
//!
//! 1. A build takes what an earlier session on the same template made ([`super::init_cache`]).
//! 2. Otherwise, and for each import, `init` asks the registries.
//! 3. When that fails, because there is no network, say, an import takes the kept result too; and a
//!    template that is new here gets its providers from the plugin cache alone.

use std::ffi::OsString;
use std::sync::Mutex;

use coder_core::provisioner_job::LogLevel;
use tokio_util::sync::CancellationToken;

use super::cli_config::without_own_lock;
use super::commands::words;
use super::environment::Environment;
use super::graph::Graph;
use super::init_cache::InitKey;
use super::modules::unpack;
use super::provisioner::{Ready, blocking};
use super::session::TerraformSession;
use super::watcher::Watcher;
use crate::protocol::{Log, Timing, TimingStage, stage};
use crate::{Error, ErrorKind, LogSink, Result};

impl TerraformSession {
    /// Initialises the template's folder, once.
    pub(super) async fn initialize(&mut self, cancel: &CancellationToken) -> Result<Vec<Timing>> {
        if self.initialized {
            return Ok(Vec::new());
        }
        let key = self.init_key().await?;
        let timings = if !self.refresh && self.restore(&key).await? {
            self.say(
                LogLevel::Info,
                "Modules and providers are taken from the cache",
            );
            let watcher = self.watcher(TimingStage::Init, Some(stage::INITIALIZING));
            watcher.finish(Ok(())).0
        } else {
            self.unpack_modules().await?;
            self.initialize_with_terraform(&key, cancel).await?
        };
        self.initialized = true;
        self.init_key = Some(key);
        Ok(timings)
    }

    /// Puts the version's own modules in place, which `init` then has no need to fetch.
    async fn unpack_modules(&mut self) -> Result<()> {
        let Some(modules) = self.module_files.take() else {
            return Ok(());
        };
        let template = self.directory.template();
        blocking(move || unpack(&modules, &template)).await
    }

    async fn initialize_with_terraform(
        &mut self,
        key: &InitKey,
        cancel: &CancellationToken,
    ) -> Result<Vec<Timing>> {
        self.prepare_providers().await?;
        let turn = self.shared.init_turn(cancel).await?;
        let ready = self.shared.ready().await?;
        let watcher = self.watcher(TimingStage::Init, Some(stage::INITIALIZING));
        let (timings, result) = self.init(ready, &ready.environment, watcher, cancel).await;
        if let Err(error) = result {
            if error.kind() != ErrorKind::Failed || !self.without_network(key, cancel).await? {
                return Err(error);
            }
            return Ok(timings);
        }
        self.keep(key).await;
        drop(turn);
        Ok(timings)
    }

    async fn init(
        &self,
        ready: &Ready,
        environment: &Environment,
        watcher: Watcher<'_>,
        cancel: &CancellationToken,
    ) -> (Vec<Timing>, Result<()>) {
        let mut arguments = words(&["init", "-no-color", "-input=false"]);
        if ready.binary.init_has_json() {
            arguments.push("-json".into());
        }
        let result = self
            .terraform(arguments, environment, &watcher, cancel)
            .await;
        watcher.finish(result)
    }

    /// What can be had without the registries, after they failed.
    async fn without_network(&self, key: &InitKey, cancel: &CancellationToken) -> Result<bool> {
        if self.restore(key).await? {
            let text = "The registries did not give what the template asks for; what an earlier \
                        import of the same template fetched is used";
            self.say(LogLevel::Warn, text);
            return Ok(true);
        }
        let ready = self.shared.ready().await?;
        let mut environment = ready.environment.clone();
        let config = ready.cli_config.offline_file.clone();
        environment.insert("TF_CLI_CONFIG_FILE".into(), config.into());
        // The mirror is the plugin cache itself.
        environment.remove(&OsString::from("TF_PLUGIN_CACHE_DIR"));
        let quiet = Quiet::default();
        let watcher = Watcher::new(
            &quiet,
            self.shared.clock.as_ref(),
            TimingStage::Init,
            Some(stage::INITIALIZING),
        );
        // Its complaints would hide those of the first attempt, which count.
        if self
            .init(ready, &environment, watcher, cancel)
            .await
            .1
            .is_err()
        {
            return Ok(false);
        }
        let text = "The registries did not give what the template asks for; providers that were \
                    fetched for other templates are used";
        self.say(LogLevel::Warn, text);
        for log in quiet.0.into_inner().unwrap_or_default() {
            self.logs.log(log);
        }
        self.keep(key).await;
        Ok(true)
    }

    /// Everything that decides what `init` does.
    async fn init_key(&self) -> Result<InitKey> {
        let ready = self.shared.ready().await?;
        let binary = &ready.binary;
        Ok(InitKey::new(&[
            &self.archive_hash,
            binary.path.as_os_str().as_encoded_bytes(),
            format!("{} {}", binary.product, binary.version).as_bytes(),
            ready.cli_config.fingerprint.as_bytes(),
        ]))
    }

    /// Sees to it that our provider is found and accepted.
    async fn prepare_providers(&mut self) -> Result<()> {
        // A template that cannot be read here is left to Terraform to complain about.
        let constraints = match self.declarations().await {
            Ok(declarations) => declarations.provider_constraints.clone(),
            Err(_) => Vec::new(),
        };
        let lock_file = self.directory.template().join(".terraform.lock.hcl");
        let cli_config = std::sync::Arc::clone(&self.shared.ready().await?.cli_config);
        let own_provider = self.shared.options.provider_binary.is_some();
        blocking(move || {
            cli_config.offer_pinned(&constraints)?;
            if own_provider && let Ok(lock) = std::fs::read_to_string(&lock_file) {
                std::fs::write(&lock_file, without_own_lock(&lock))
                    .map_err(|error| Error::internal("rewrite the lock file", error))?;
            }
            Ok(())
        })
        .await
    }

    async fn restore(&self, key: &InitKey) -> Result<bool> {
        let cache = self.shared.ready().await?.init_cache.clone();
        let (key, template) = (key.clone(), self.directory.template());
        let now = self.shared.clock.now().into();
        let restored = blocking(move || Ok(cache.restore(&key, &template, now))).await?;
        let found = restored.is_some();
        if let Some(graph) = restored.and_then(|restored| restored.graph) {
            let graph = blocking(move || Ok(Graph::parse(&graph))).await?;
            self.remember_graph(graph);
        }
        Ok(found)
    }

    /// Keeps what `init` made for the next session. That it cannot be kept is no fault of the job.
    async fn keep(&self, key: &InitKey) {
        let Ok(ready) = self.shared.ready().await else {
            return;
        };
        let (cache, config) = (ready.init_cache.clone(), ready.cli_config.clone());
        let (key, template) = (key.clone(), self.directory.template());
        let (limit, now) = (
            self.shared.options.cache_limit_bytes,
            self.shared.clock.now(),
        );
        let kept = blocking(move || {
            let stored = cache
                .store(&key, &template, now.into())
                .map_err(|error| Error::internal("keep the result of terraform init", error));
            config.sweep(cache.root(), limit, now.into());
            stored
        })
        .await;
        if let Err(error) = kept {
            tracing::warn!(error = %error.chain(), "the next build initialises again");
        }
    }

    /// Drops the kept result when Terraform says that it does not fit what is installed, so that
    /// the next build initialises again.
    pub(super) async fn forget_broken_init(&self, error: &Error) {
        let text = error.to_string();
        let broken = [
            "Required plugins are not installed",
            "Inconsistent dependency lock file",
        ];
        if let (Some(key), Ok(ready)) = (self.init_key.clone(), self.shared.ready().await)
            && broken.iter().any(|summary| text.contains(summary))
        {
            let cache = ready.init_cache.clone();
            let _ = blocking(move || {
                cache.forget(&key);
                Ok(())
            })
            .await;
            let text = "What was kept of terraform init does not fit the installed providers any \
                        more; try again, and it is made anew";
            self.say(LogLevel::Warn, text);
        }
    }

    fn say(&self, level: LogLevel, text: &str) {
        self.logs
            .log(Log::new(level, text).in_stage(stage::INITIALIZING));
    }
}

/// Lines of an attempt that may come to nothing. Terraform's `init` prints a few dozen.
#[derive(Default)]
struct Quiet(Mutex<Vec<Log>>);

/// Lines that are kept of a quiet attempt.
const MAX_QUIET: usize = 1000;

impl LogSink for Quiet {
    fn log(&self, log: Log) {
        let mut kept = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.len() < MAX_QUIET {
            kept.push(log);
        }
    }
}

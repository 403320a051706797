//! `coder provisioner start`.

use super::logging::LogArgs;
use crate::{
    cli::{
        config_dir::ConfigDir,
        error::{CliError, CliResult},
        global::GlobalArgs,
        parameters::pairs,
    },
    config::{TerraformConfig, parse_duration, secret},
    terraform,
};
use chrono::TimeDelta;
use coder_core::{provisioner_job::ProvisionerType, secret::Secret};
use coder_provisioner::{
    Daemon, DaemonOptions, Provisioner,
    remote::client::{Credential, DaemonClient, HttpConnector, JoinRequest},
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The longest a call may take with all its bytes. The client itself notices a dead connection sooner.
const CALL: Duration = Duration::from_secs(300);
/// How long running jobs may go on after the first signal: as long as they need.
const DRAIN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Flags of `coder provisioner start`.
#[derive(clap::Args)]
pub(crate) struct StartArgs {
    /// Key of the organization; it carries the tags.
    #[arg(long, env = "CODER_PROVISIONER_DAEMON_KEY", hide_env_values = true, value_parser = secret,
          conflicts_with_all = ["psk", "tag"])]
    key: Option<Secret>,
    /// The deployment's pre-shared key.
    #[arg(long, env = "CODER_PROVISIONER_DAEMON_PSK", hide_env_values = true, value_parser = secret)]
    psk: Option<Secret>,
    /// Which jobs it takes, `key=value`; `scope=user` for those of the signed-in user.
    #[arg(
        short,
        long,
        env = "CODER_PROVISIONERD_TAGS",
        value_delimiter = ',',
        value_name = "KEY=VALUE"
    )]
    tag: Vec<String>,
    /// Name of the daemon, unique in the organization; this machine's name by default.
    #[arg(long, env = "CODER_PROVISIONER_DAEMON_NAME")]
    name: Option<String>,
    /// Jobs that run at the same time.
    #[arg(long, env = "CODER_PROVISIONER_DAEMON_JOBS", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=200))]
    jobs: u16,
    /// Where downloaded and generated files are kept; `~/.cache/coder` when absent.
    #[arg(short, long, env = "CODER_CACHE_DIRECTORY", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    #[command(flatten)]
    terraform: TerraformConfig,
    /// The organization, by name or id.
    #[arg(
        short = 'O',
        long,
        env = "CODER_ORGANIZATION",
        default_value = "default"
    )]
    org: String,
    /// Ignored: jobs are waited for, not polled.
    #[arg(long, env = "CODER_PROVISIONERD_POLL_INTERVAL", hide = true, value_parser = parse_duration)]
    poll_interval: Option<TimeDelta>,
    /// Ignored.
    #[arg(long, env = "CODER_PROVISIONERD_POLL_JITTER", hide = true, value_parser = parse_duration)]
    poll_jitter: Option<TimeDelta>,
    #[command(flatten)]
    log: LogArgs,
}

/// Runs a daemon until it is told to stop and its jobs have ended.
pub(crate) async fn run(global: &GlobalArgs, args: StartArgs) -> CliResult {
    let config = ConfigDir::new(global.global_config.as_deref())?;
    let request = join_request(global, &config, &args)?;
    let cache = terraform::cache_folder(args.cache_dir.as_deref(), config.path());
    let failed = |error| CliError::new("the log cannot be written").caused_by(error);
    args.log.begin(global.verbose).map_err(failed)?;
    let refused = |error| CliError::new("the daemon cannot join").caused_by(error);
    let connector = HttpConnector::new(
        global.http_client()?,
        &request,
        global.headers(request.url.as_str())?,
    );
    let connector = connector.map_err(refused)?;
    let unusable = |error| {
        let text = format!("the cache folder {} cannot be used", cache.display());
        CliError::new(text).caused_by(error)
    };
    let provisioner = terraform::provisioner(&cache, &args.terraform).map_err(unusable)?;
    let provisioner: Arc<dyn Provisioner> = Arc::new(provisioner);
    let mut signals = Signals::new()?;
    tracing::info!(
        url = %request.url, name = request.name, jobs = args.jobs, version = crate::VERSION,
        "provisioner daemon starts"
    );
    let client = Arc::new(DaemonClient::start(connector));
    let options = DaemonOptions {
        max_jobs: usize::from(args.jobs),
        rpc_timeout: CALL,
        shutdown_grace: DRAIN,
        ..DaemonOptions::default()
    };
    let provisioners = BTreeMap::from([(ProvisionerType::Terraform, provisioner)]);
    let daemon = Daemon::new(options, Arc::clone(&client) as _, provisioners);
    let ended = supervise(&daemon, &client, &mut signals).await;
    client.close().await;
    ended
}

/// Runs the daemon; heeds signals and the server's refusal.
async fn supervise(daemon: &Daemon, client: &DaemonClient, signals: &mut Signals) -> CliResult {
    let (shutdown, stop_jobs) = (CancellationToken::new(), CancellationToken::new());
    let mut running = Box::pin(daemon.run_until(shutdown.clone(), stop_jobs.clone()));
    let mut refusal = None;
    loop {
        tokio::select! {
            () = &mut running => break,
            reason = client.refused(), if refusal.is_none() => {
                tracing::error!(reason, "the server refuses this daemon");
                refusal = Some(reason);
                shutdown.cancel();
                stop_jobs.cancel();
            }
            () = signals.next() => {
                if stop_jobs.is_cancelled() {
                    tracing::warn!("stopped at once");
                    return Err(CliError::silent(1));
                }
                if shutdown.is_cancelled() {
                    tracing::warn!("cancels the running jobs; one more signal stops at once");
                    stop_jobs.cancel();
                } else {
                    tracing::info!("takes no more jobs and ends after the running ones; one more signal cancels them");
                    shutdown.cancel();
                }
            }
        }
    }
    match refusal {
        None => {
            tracing::info!("provisioner daemon ended");
            Ok(())
        }
        Some(reason) => Err(CliError::new(format!("the server refuses this daemon: {reason}"))
            .hint("Check the URL, the key, its tags and the versions of both sides; trying again by itself is of no use.")),
    }
}

fn join_request(
    global: &GlobalArgs,
    config: &ConfigDir,
    args: &StartArgs,
) -> CliResult<JoinRequest> {
    let url = global.url.clone().or_else(|| config.url());
    let url = url.ok_or_else(|| {
        CliError::new("no server is known").hint("Pass --url, or sign in with: coder login <url>")
    })?;
    let url = crate::cli::client::parse_url(&url)?;
    let session = || global.token.clone().or_else(|| config.session());
    let credential = match (&args.key, &args.psk) {
        (Some(key), _) => Credential::Key(key.clone()),
        (None, Some(psk)) => Credential::Psk(psk.clone()),
        (None, None) => Credential::Session(Secret::new(session().ok_or_else(|| {
            CliError::new("the daemon has nothing to join with").hint(
                "Pass --key (made with: coder provisioner keys create <name>), --psk, or sign in.",
            )
        })?)),
    };
    Ok(JoinRequest {
        url,
        organization: args.org.clone(),
        name: args.name.clone().unwrap_or_else(terraform::host_name),
        provisioners: vec![ProvisionerType::Terraform],
        tags: pairs(&args.tag)?,
        version: crate::VERSION.to_owned(),
        credential,
    })
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> CliResult<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

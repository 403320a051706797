//! Start, serve, stop.

use super::{ServerError, database::Database, provisioners};
use crate::db::PgStore;
use crate::{
    app_state::AppState,
    config::Config,
    http::router,
    listener,
    postgres::BundledPostgres,
    reconcile::{self, JobReaper, Retention},
    telemetry,
    terraform::cache_folder,
};
use coder_core::service::{Deps, organizations::ensure_default_organization};
use prometheus_client::registry::Registry;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// Time for everything to end by itself when the server stops; what is left then is cut off.
const STOP: Duration = Duration::from_secs(25);

/// A server that has started and not stopped.
pub struct Server {
    state: AppState,
    store: PgStore,
    bundled: Option<BundledPostgres>,
    address: SocketAddr,
    daemons: CancellationToken,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Runs a server until SIGINT or SIGTERM. A second signal cuts everything off.
///
/// # Errors
/// When it cannot start.
pub async fn run(config: Config, folder: &Path) -> Result<(), ServerError> {
    telemetry::init(&config.introspection).map_err(|source| ServerError::File {
        path: PathBuf::from("the log file"),
        source,
    })?;
    let signals = |kind| {
        signal(kind).map_err(|source| ServerError::File {
            path: "signals".into(),
            source,
        })
    };
    let (mut interrupt, mut terminate) = (
        signals(SignalKind::interrupt())?,
        signals(SignalKind::terminate())?,
    );
    let server = tokio::select! {
        server = Server::start(config, folder) => server?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping; a second signal stops at once");
    tokio::select! {
        () = server.stop() => {}
        _ = interrupt.recv() => tracing::warn!("stopped at once"),
        _ = terminate.recv() => tracing::warn!("stopped at once"),
    }
    Ok(())
}

impl Server {
    /// Starts a server that keeps its own files below `folder`.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub async fn start(mut config: Config, folder: &Path) -> Result<Self, ServerError> {
        let listener = listen(&config.http.http_address).await?;
        let address = listener
            .local_addr()
            .map_err(|source| ServerError::Listen {
                address: config.http.http_address.clone(),
                source,
            })?;
        let access_url = match &config.http.access_url {
            Some(url) => url.clone(),
            None => default_access_url(address)?,
        };
        config.http.access_url = Some(access_url.clone());
        let cache = cache_folder(config.cache_dir.as_deref(), folder);
        let (store, pubsub, bundled) = Database::open(&config, folder).await?.split();
        let deps = Deps::new(Arc::new(store.clone()), Arc::new(pubsub));
        ensure_default_organization(&deps).await?;
        let state = AppState::new(deps.clone(), config, Registry::default())?;
        let daemons = CancellationToken::new();
        let access_url = access_url.as_str().trim_end_matches('/').to_owned();
        provisioners::start(&state, &access_url, &cache, daemons.clone()).await?;
        let retention = state.config.retention.clone();
        let retention = Arc::new(Retention::new(deps.clone(), retention));
        state
            .tasks
            .spawn(reconcile::run(retention, state.shutdown.clone()));
        let reaper = Arc::new(JobReaper::new(deps));
        state
            .tasks
            .spawn(reconcile::run(reaper, state.shutdown.clone()));
        let serving = state.clone();
        state.tasks.spawn(async move {
            listener::serve(listener, router(serving.clone()), &serving).await;
        });
        tracing::info!(%address, access_url, version = crate::VERSION, "the server is up");
        Ok(Self {
            state,
            store,
            bundled,
            address,
            daemons,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: first takes no new jobs and lets running ones end, then closes connections, then the
    /// database.
    pub async fn stop(self) {
        self.daemons.cancel();
        self.state.shutdown.cancel();
        self.state.tasks.close();
        if tokio::time::timeout(STOP, self.state.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                left = self.state.tasks.len(),
                "some tasks did not end in time"
            );
        }
        drop(self.state);
        Database::close(self.bundled, self.store).await;
    }
}

async fn listen(address: &str) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServerError::Listen {
            address: address.to_owned(),
            source,
        })
}

/// Where workspaces on this machine reach the server.
fn default_access_url(address: SocketAddr) -> Result<url::Url, ServerError> {
    let host = if address.ip().is_unspecified() {
        "127.0.0.1".to_owned()
    } else {
        address.ip().to_string()
    };
    let host = if address.is_ipv6() && !address.ip().is_unspecified() {
        format!("[{host}]")
    } else {
        host
    };
    url::Url::parse(&format!("http://{host}:{}", address.port())).map_err(|error| {
        ServerError::Option {
            option: "--access-url",
            reason: error.to_string(),
        }
    })
}

//! What handlers work with.

use crate::{
    config::Config,
    http::{
        metrics::Metrics,
        middleware::{InFlight, RateLimiter, TrustedProxies},
    },
    instance_identity::InstanceIdentityVerifier,
    password::Argon2Hasher,
    rpc::tunnels::Tunnels,
};
use coder_core::{Error, password::PasswordHasher, service::Deps};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// Store, events, time, randomness, permissions.
    pub deps: Deps,
    /// The options of this process.
    pub config: Arc<Config>,
    /// The counters that Prometheus reads.
    pub metrics: Arc<Metrics>,
    /// Hashes passwords.
    pub passwords: Arc<dyn PasswordHasher>,
    /// Knows whose word on machines to take.
    pub instance_identity: Arc<InstanceIdentityVerifier>,
    /// The tunnels of the agents that are connected to this process.
    pub tunnels: Tunnels,
    /// Ends connections that live long when the server stops.
    pub shutdown: CancellationToken,
    /// Counts the tasks of connections that live long.
    pub tasks: TaskTracker,
    pub(crate) limiter: Arc<RateLimiter>,
    pub(crate) trusted_proxies: Arc<TrustedProxies>,
    pub(crate) in_flight: InFlight,
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState").finish_non_exhaustive()
    }
}

impl AppState {
    /// The state of a server with these options. `registry` may hold metrics of other parts.
    ///
    /// # Errors
    /// [`InvalidInput`](coder_core::ErrorKind::InvalidInput) naming an option that is not valid.
    pub fn new(mut deps: Deps, config: Config, registry: Registry) -> Result<Self, Error> {
        deps.ssh_keygen_algorithm = config.identity.ssh_keygen_algorithm;
        let http = &config.http;
        let trusted =
            TrustedProxies::parse(&http.proxy_trusted_origins, &http.proxy_trusted_headers)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let clock = Arc::clone(&deps.clock);
        let instance_identity = InstanceIdentityVerifier::new(&config.identity, clock)?;
        let passwords = Argon2Hasher::new(Arc::clone(&deps.entropy), threads)?;
        Ok(Self {
            deps,
            config: Arc::new(config),
            metrics: Arc::new(Metrics::new(registry)),
            passwords: Arc::new(passwords),
            instance_identity: Arc::new(instance_identity),
            tunnels: Tunnels::default(),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
            limiter: Arc::default(),
            trusted_proxies: Arc::new(trusted),
            in_flight: InFlight::default(),
        })
    }
}

//! What handlers work with.

use crate::{
    config::Config,
    http::{
        metrics::Metrics,
        middleware::{InFlight, RateLimiter, TrustedProxies},
    },
    instance_identity::InstanceIdentityVerifier,
    password::Argon2Hasher,
    rpc::{
        agent_writes::AgentWrites, presence::Presence, provisioner_daemon::Bells, tunnels::Tunnels,
    },
};
use coder_core::{Error, password::PasswordHasher, service::Deps};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Requests that make builds get one of so many connections to the database.
const BUILDS_SHARE: u32 = 4;

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
    /// Wake the daemons that are connected to this process.
    pub bells: Bells,
    /// Tells agents by their tokens and notes their connections.
    pub presence: Presence,
    /// Writes down what agents tell all the time.
    pub agent_writes: AgentWrites,
    /// Ends connections that live long when the server stops.
    pub shutdown: CancellationToken,
    /// Counts the tasks of connections that live long.
    pub tasks: TaskTracker,
    pub(crate) limiter: Arc<RateLimiter>,
    pub(crate) trusted_proxies: Arc<TrustedProxies>,
    pub(crate) in_flight: InFlight,
    /// Places for requests that make builds, see [`AppState::place_for_build`].
    new_builds: Arc<Semaphore>,
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
        let new_builds = usize::try_from(config.database.postgres_conn_max_open / BUILDS_SHARE);
        let new_builds = new_builds.unwrap_or_default().max(1);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let clock = Arc::clone(&deps.clock);
        let instance_identity = InstanceIdentityVerifier::new(&config.identity, clock)?;
        let passwords = Argon2Hasher::new(Arc::clone(&deps.entropy), threads)?;
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        Ok(Self {
            agent_writes: AgentWrites::new(deps.clone(), tasks.clone(), shutdown.clone()),
            presence: Presence::new(deps.clone()),
            deps,
            config: Arc::new(config),
            metrics: Arc::new(Metrics::new(registry)),
            passwords: Arc::new(passwords),
            instance_identity: Arc::new(instance_identity),
            tunnels: Tunnels::default(),
            bells: Bells::default(),
            shutdown,
            tasks,
            limiter: Arc::default(),
            trusted_proxies: Arc::new(trusted),
            in_flight: InFlight::default(),
            new_builds: Arc::new(Semaphore::new(new_builds)),
        })
    }

    /// Waits until it is a request's turn to make a build, and keeps its place until dropped.
    ///
    /// Making a build takes some twenty statements. A burst of them would take every connection to the database from
    /// the daemons that are to claim those builds, so that all wait for the last one; in turns each is claimed while
    /// the next is made.
    pub(crate) async fn place_for_build(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.new_builds.acquire().await.ok()
    }
}

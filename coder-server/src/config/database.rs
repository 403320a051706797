//! PostgreSQL.

use super::secret;
use coder_core::secret::Secret;

/// PostgreSQL.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct DatabaseConfig {
    /// The URL of the database, with its password.
    #[arg(long, env = "CODER_PG_CONNECTION_URL", hide_env_values = true, value_name = "URL",
          value_parser = secret)]
    pub postgres_url: Option<Secret>,
    /// Connections that are open at most.
    #[arg(long, env = "CODER_PG_CONN_MAX_OPEN", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub postgres_conn_max_open: u32,
}

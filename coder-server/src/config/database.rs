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
    /// Keys, 32 bytes as base64, with which secrets in the database are encrypted (AES-256-GCM): the first one
    /// encrypts, all decrypt. Keep them apart from the database's backups, and never lose them.
    #[arg(long, env = "CODER_EXTERNAL_TOKEN_ENCRYPTION_KEYS", hide_env_values = true,
          value_delimiter = ',', value_name = "BASE64", value_parser = secret)]
    pub external_token_encryption_keys: Vec<Secret>,
}

//! The options of the server: one struct per concern, read from flags and the environment. Names and
//! defaults are those of the field.

mod client;
mod database;
mod duration;
mod http;
mod identity;
mod introspection;
mod options;
mod provisioner;
mod retention;
mod secret;
mod terraform;
mod tls;

pub use client::ClientConfig;
pub use database::DatabaseConfig;
pub use duration::parse_duration;
pub use http::{HttpConfig, SameSite};
pub use identity::IdentityConfig;
pub use introspection::IntrospectionConfig;
pub use options::Config;
pub use provisioner::ProvisionerConfig;
pub use retention::RetentionConfig;
pub(crate) use secret::secret;
pub use terraform::{FetchPolicy, ProviderSource, TerraformConfig};
pub use tls::TlsConfig;

//! Encryption of the server's own listener.

use clap::builder::BoolishValueParser;
use std::path::PathBuf;

/// Encryption of the server's own listener.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct TlsConfig {
    /// Listen with TLS too.
    #[arg(long, env = "CODER_TLS_ENABLE", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub tls_enable: bool,
    /// The address to listen on with TLS.
    #[arg(
        long,
        env = "CODER_TLS_ADDRESS",
        default_value = "127.0.0.1:3443",
        value_name = "HOST:PORT"
    )]
    pub tls_address: String,
    /// PEM files with the certificate and what it is signed by.
    #[arg(
        long,
        env = "CODER_TLS_CERT_FILE",
        value_delimiter = ',',
        value_name = "FILE"
    )]
    pub tls_cert_file: Vec<PathBuf>,
    /// PEM files with the certificates' keys.
    #[arg(
        long,
        env = "CODER_TLS_KEY_FILE",
        value_delimiter = ',',
        value_name = "FILE"
    )]
    pub tls_key_file: Vec<PathBuf>,
}

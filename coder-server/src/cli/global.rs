//! Flags that every command has.

use super::error::{CliError, CliResult};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::{path::PathBuf, time::Duration};

/// Flags that every command has.
#[derive(Clone, Default, clap::Args)]
pub(crate) struct GlobalArgs {
    /// URL of the deployment.
    #[arg(long, global = true, env = "CODER_URL")]
    pub(crate) url: Option<String>,
    /// Session token, instead of the one of `coder login`.
    #[arg(
        long,
        global = true,
        env = "CODER_SESSION_TOKEN",
        hide_env_values = true
    )]
    pub(crate) token: Option<String>,
    /// Folder of the command line's configuration.
    #[arg(long, global = true, env = "CODER_CONFIG_DIR", value_name = "DIR")]
    pub(crate) global_config: Option<PathBuf>,
    /// Header to add to each request, `name=value`.
    #[arg(
        long,
        global = true,
        env = "CODER_HEADER",
        hide_env_values = true,
        value_name = "NAME=VALUE"
    )]
    header: Vec<String>,
    /// PEM file with certificates to trust besides the system's.
    #[arg(
        long,
        global = true,
        env = "CODER_CLIENT_TLS_CA_FILE",
        value_name = "FILE"
    )]
    client_tls_ca_file: Option<PathBuf>,
    /// PEM file with a client certificate.
    #[arg(
        long,
        global = true,
        env = "CODER_CLIENT_TLS_CERT_FILE",
        value_name = "FILE",
        requires = "client_tls_key_file"
    )]
    client_tls_cert_file: Option<PathBuf>,
    /// PEM file with the client certificate's key.
    #[arg(
        long,
        global = true,
        env = "CODER_CLIENT_TLS_KEY_FILE",
        value_name = "FILE",
        requires = "client_tls_cert_file"
    )]
    client_tls_key_file: Option<PathBuf>,
    /// Show more of what happens.
    #[arg(short, long, global = true, env = "CODER_VERBOSE")]
    pub(crate) verbose: bool,
}

impl GlobalArgs {
    /// The headers of `--header`.
    pub(crate) fn headers(&self) -> CliResult<HeaderMap> {
        let mut headers = HeaderMap::new();
        for text in &self.header {
            let invalid = || CliError::new("a --header is not of the form name=value");
            let (name, value) = text.split_once('=').ok_or_else(invalid)?;
            let name = HeaderName::try_from(name.trim()).map_err(|_| invalid())?;
            let mut value = HeaderValue::try_from(value.trim()).map_err(|_| invalid())?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        Ok(headers)
    }

    /// A client with the proxies of the environment and the given certificates.
    pub(crate) fn http_client(&self) -> CliResult<reqwest::Client> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| {
                CliError::new(format!("{} cannot be read", path.display())).caused_by(error)
            })
        };
        let refused = |error: reqwest::Error| {
            CliError::new("the TLS settings are not usable").caused_by(error)
        };
        // HTTP/1.1 only: WebSockets are opened over the same client.
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .connect_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("coder-cli/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &self.client_tls_ca_file {
            for certificate in
                reqwest::Certificate::from_pem_bundle(&read(path)?).map_err(refused)?
            {
                builder = builder.add_root_certificate(certificate);
            }
        }
        if let (Some(certificate), Some(key)) =
            (&self.client_tls_cert_file, &self.client_tls_key_file)
        {
            let pem = [read(key)?, read(certificate)?].join(&b'\n');
            builder = builder.identity(reqwest::Identity::from_pem(&pem).map_err(refused)?);
        }
        builder.build().map_err(refused)
    }
}

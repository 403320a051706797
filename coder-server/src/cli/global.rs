//! Flags that every command has.

use super::error::{CliError, CliResult};
use coder_agent::headers::headers;
use reqwest::header::HeaderMap;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// A chain of certificates and the key of the first.
pub(crate) type ClientCertificate = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Flags that every command has.
#[derive(Clone, Default, clap::Args)]
#[command(next_help_heading = "Options of all commands")]
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
    /// Command that prints further headers, one `name=value` per line.
    #[arg(
        long,
        global = true,
        env = "CODER_HEADER_COMMAND",
        value_name = "COMMAND"
    )]
    header_command: Option<String>,
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
    #[command(flatten)]
    other: OtherArgs,
}

/// Flags of other versions, which editors and scripts pass. They ask for what is so here anyway: every connection
/// goes through the server, there is no telemetry, and sessions are kept in files.
#[derive(Clone, Default, clap::Args)]
struct OtherArgs {
    #[arg(long, global = true, hide = true)]
    disable_direct_connections: bool,
    #[arg(long, global = true, hide = true)]
    disable_network_telemetry: bool,
    #[arg(long, global = true, hide = true)]
    no_feature_warning: bool,
    #[arg(long, global = true, hide = true)]
    no_version_warning: bool,
    #[arg(long, global = true, hide = true, num_args = 0..=1, require_equals = true)]
    use_keyring: Option<Option<String>>,
}

impl GlobalArgs {
    /// The headers of `--header` and `--header-command`, for requests to `url`.
    pub(crate) fn headers(&self, url: &str) -> CliResult<HeaderMap> {
        headers(&self.header, self.header_command.as_deref(), url).map_err(|error| {
            CliError::new("the headers to add are not usable")
                .caused_by(error)
                .hint("Look at --header and --header-command.")
        })
    }

    /// The flags that a command written down for later needs to reach the same server in the same way, with
    /// absolute paths. Headers are left out: they may be secret, and others see the arguments of processes.
    pub(crate) fn to_write_down(&self) -> CliResult<Vec<(&'static str, String)>> {
        let files = [
            ("--global-config", &self.global_config),
            ("--client-tls-ca-file", &self.client_tls_ca_file),
            ("--client-tls-cert-file", &self.client_tls_cert_file),
            ("--client-tls-key-file", &self.client_tls_key_file),
        ];
        let mut flags = Vec::new();
        for (flag, file) in files {
            if let Some(file) = file {
                let file = std::path::absolute(file)?;
                flags.push((flag, file.to_string_lossy().into_owned()));
            }
        }
        let command = self.header_command.clone();
        flags.extend(command.map(|command| ("--header-command", command)));
        Ok(flags)
    }

    /// Whether headers were given that [`to_write_down`](Self::to_write_down) leaves out.
    pub(crate) fn has_headers(&self) -> bool {
        !self.header.is_empty()
    }

    /// The certificates of `--client-tls-ca-file`.
    pub(crate) fn trusted_certificates(&self) -> CliResult<Vec<CertificateDer<'static>>> {
        match &self.client_tls_ca_file {
            Some(path) => certificates(path),
            None => Ok(Vec::new()),
        }
    }

    /// The certificate and the key of `--client-tls-cert-file`.
    pub(crate) fn client_certificate(&self) -> CliResult<Option<ClientCertificate>> {
        let files = self.client_tls_cert_file.as_ref();
        let Some((certificate, key)) = files.zip(self.client_tls_key_file.as_ref()) else {
            return Ok(None);
        };
        let read_key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| {
            CliError::new(format!("{} holds no private key", key.display())).caused_by(error)
        })?;
        Ok(Some((certificates(certificate)?, read_key)))
    }

    /// A client with the proxies of the environment and the given certificates.
    pub(crate) fn http_client(&self) -> CliResult<reqwest::Client> {
        let refused = |error: reqwest::Error| {
            CliError::new("the TLS settings are not usable").caused_by(error)
        };
        // HTTP/1.1 only: WebSockets are opened over the same client.
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .connect_timeout(Duration::from_secs(30))
            // Below what gateways keep idle connections for, so that none is used that they close meanwhile.
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("coder-cli/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &self.client_tls_ca_file {
            // What is no certificate must not be taken for none that is needed.
            certificates(path)?;
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

fn read(path: &Path) -> CliResult<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        CliError::new(format!("{} cannot be read", path.display())).caused_by(error)
    })
}

fn certificates(path: &Path) -> CliResult<Vec<CertificateDer<'static>>> {
    let none = || CliError::new(format!("{} holds no certificates", path.display()));
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.map_err(|error| none().caused_by(error))?;
    if found.is_empty() {
        return Err(none().hint("It must be a PEM file."));
    }
    Ok(found)
}

use reqwest::{Client, ClientBuilder};
use url::Url;

use crate::{Error, ErrorKind, Result};

/// Builds the client of a server at `base`. Images of workspaces have no certificates of authorities as often as not,
/// and plain HTTP needs none.
///
/// # Errors
/// When TLS is needed and cannot be set up.
pub(crate) fn for_server(base: &Url, builder: impl Fn() -> ClientBuilder) -> Result<Client> {
    let built = match base.scheme() {
        "https" => builder().build(),
        _ => for_any(builder),
    };
    built.map_err(|error| {
        Error::new(
            ErrorKind::Internal,
            "TLS cannot be set up; install the package ca-certificates, or name a file of certificates in SSL_CERT_FILE",
        )
        .with_source(error)
    })
}

/// Builds a client which trusts nobody where there are no certificates of authorities, so that plain HTTP works.
///
/// # Errors
/// When not even that can be set up.
pub(crate) fn for_any(builder: impl Fn() -> ClientBuilder) -> reqwest::Result<Client> {
    builder()
        .build()
        .or_else(|_no_certificates| builder().tls_certs_only([]).build())
}

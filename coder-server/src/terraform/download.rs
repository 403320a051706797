//! Downloads over HTTP, with the proxies of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).

use async_trait::async_trait;
use coder_provisioner::{
    Error, ErrorKind, Result,
    terraform::{Download, DownloadStream},
};
use futures_util::StreamExt as _;
use std::time::Duration;
use url::Url;

/// How long a host may take to be reached.
const CONNECT: Duration = Duration::from_secs(10);
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);

/// A client for downloads.
#[derive(Debug)]
pub(super) struct HttpDownload(reqwest::Client);

impl HttpDownload {
    /// A client with the proxies of the environment and the system's certificates.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub(super) fn new() -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .user_agent(concat!("coder/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self(client))
    }
}

#[async_trait]
impl Download for HttpDownload {
    async fn open(&self, url: &Url) -> Result<DownloadStream> {
        let failed = |what: &str, error: reqwest::Error| {
            let text = format!("{url} {what}");
            // The text has the URL already, and a proxy's password could be in that of the error.
            Error::new(ErrorKind::Unavailable, text).with_source(error.without_url())
        };
        let answer = self.0.get(url.clone()).send().await;
        let answer = answer.map_err(|error| failed("cannot be reached", error))?;
        if !answer.status().is_success() {
            let text = format!("{url} answers {}", answer.status());
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        let url = url.clone();
        let pieces = answer.bytes_stream().map(move |piece| {
            piece.map_err(|error| {
                Error::new(ErrorKind::Unavailable, format!("{url} broke off"))
                    .with_source(error.without_url())
            })
        });
        Ok(pieces.boxed())
    }
}

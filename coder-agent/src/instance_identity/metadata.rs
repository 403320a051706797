use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coder_core::clock::Entropy;
use coder_core::instance_identity::Cloud;
use reqwest::RequestBuilder;
use serde::Deserialize;
use url::Url;

use super::{IdentityDocument, IdentitySource};
use crate::http_client::for_server;
use crate::protocol::{
    AwsInstanceIdentityToken, AzureInstanceIdentityToken, GoogleInstanceIdentityToken,
};
use crate::{Error, ErrorKind, Result};

/// How long one answer may take: the service is on the same machine's network.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer; documents have a few KiB.
const MAX_BYTES: usize = 64 * 1024;
/// How long the token for reading Amazon's service is good, in seconds.
const AWS_TOKEN_SECONDS: &str = "21600";
/// The version of Azure's service.
const AZURE_API_VERSION: &str = "2020-09-01";
/// For whom Google's token is.
const GOOGLE_AUDIENCE: &str = "coder";

/// The metadata service of a cloud, which answers each of its machines about itself.
#[derive(Clone)]
pub struct MetadataService {
    cloud: Cloud,
    base: Url,
    agent_name: String,
    http: reqwest::Client,
    entropy: Arc<dyn Entropy>,
}

impl MetadataService {
    /// The service of `cloud`, for the agent `agent_name` of several on the machine; empty for the only one.
    /// `base` is where the service is, `None` for its usual address.
    ///
    /// # Errors
    /// [`Internal`](ErrorKind::Internal) when HTTP cannot be set up.
    pub fn new(
        cloud: Cloud,
        base: Option<Url>,
        agent_name: &str,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self> {
        let failed = |message: &str| Error::new(ErrorKind::Internal, message);
        let usual = match cloud {
            Cloud::Aws | Cloud::Azure => "http://169.254.169.254",
            Cloud::Google => "http://metadata.google.internal",
        };
        let base = match base {
            Some(base) => base,
            None => Url::parse(usual)
                .map_err(|error| failed("address is not one").with_source(error))?,
        };
        let http = for_server(&base, || {
            reqwest::Client::builder()
                .timeout(TIMEOUT)
                .redirect(reqwest::redirect::Policy::none())
                // Another machine would answer about itself.
                .no_proxy()
        })?;
        Ok(Self {
            cloud,
            base,
            agent_name: agent_name.to_owned(),
            http,
            entropy,
        })
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}{path}"));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn aws(&self) -> Result<AwsInstanceIdentityToken> {
        let ask = self.http.put(self.url("/latest/api/token", &[]));
        let ask = ask.header("X-aws-ec2-metadata-token-ttl-seconds", AWS_TOKEN_SECONDS);
        let token = self.text(ask).await?;
        let read = async |name: &str| {
            let path = format!("/latest/dynamic/instance-identity/{name}");
            let ask = self.http.get(self.url(&path, &[]));
            self.text(ask.header("X-aws-ec2-metadata-token", token.trim()))
                .await
        };
        Ok(AwsInstanceIdentityToken {
            signature: read("signature").await?,
            document: read("document").await?,
            agent_name: self.agent_name.clone(),
        })
    }

    async fn azure(&self) -> Result<AzureInstanceIdentityToken> {
        #[derive(Deserialize)]
        struct Attested {
            signature: String,
            encoding: String,
        }
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        // Ten digits; with another one each time the document is another one too.
        let nonce = format!("{:010}", u64::from_ne_bytes(bytes) % 10_000_000_000);
        let query = [
            ("api-version", AZURE_API_VERSION),
            ("nonce", nonce.as_str()),
        ];
        let ask = self
            .http
            .get(self.url("/metadata/attested/document", &query));
        let text = self.text(ask.header("Metadata", "true")).await?;
        let attested: Attested = serde_json::from_str(&text).map_err(|error| {
            let message = "answer of the metadata service is not understood";
            Error::new(ErrorKind::Protocol, message).with_source(error)
        })?;
        Ok(AzureInstanceIdentityToken {
            signature: attested.signature,
            encoding: attested.encoding,
            agent_name: self.agent_name.clone(),
        })
    }

    async fn google(&self) -> Result<GoogleInstanceIdentityToken> {
        let path = "/computeMetadata/v1/instance/service-accounts/default/identity";
        let query = [("audience", GOOGLE_AUDIENCE), ("format", "full")];
        let ask = self.http.get(self.url(path, &query));
        Ok(GoogleInstanceIdentityToken {
            json_web_token: self.text(ask.header("Metadata-Flavor", "Google")).await?,
            agent_name: self.agent_name.clone(),
        })
    }

    async fn text(&self, request: RequestBuilder) -> Result<String> {
        let failed = |error: reqwest::Error| {
            let message = format!("metadata service of {} does not answer", self.cloud);
            Error::new(ErrorKind::Unavailable, message).with_source(error)
        };
        let response = request.send().await.map_err(failed)?;
        let mut response = response.error_for_status().map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_BYTES {
                let message = "answer of the metadata service is too large";
                return Err(Error::new(ErrorKind::TooLarge, message));
            }
            body.extend_from_slice(&chunk);
        }
        String::from_utf8(body).map_err(|error| {
            let message = "answer of the metadata service is not text";
            Error::new(ErrorKind::Protocol, message).with_source(error)
        })
    }
}

#[async_trait]
impl IdentitySource for MetadataService {
    async fn document(&self) -> Result<IdentityDocument> {
        match self.cloud {
            Cloud::Aws => self.aws().await.map(IdentityDocument::Aws),
            Cloud::Azure => self.azure().await.map(IdentityDocument::Azure),
            Cloud::Google => self.google().await.map(IdentityDocument::Google),
        }
    }
}

impl fmt::Debug for MetadataService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MetadataService")
            .field("cloud", &self.cloud)
            .field("base", &self.base.as_str())
            .field("agent_name", &self.agent_name)
            .finish_non_exhaustive()
    }
}

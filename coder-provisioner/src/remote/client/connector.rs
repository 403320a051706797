//! How a connection to the server is opened.

use std::time::Duration;

use async_trait::async_trait;
use coder_core::provisioner_job::{ProvisionerType, Tags};
use coder_core::secret::Secret;
use http::StatusCode;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::Response;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use url::Url;

use crate::protocol::PROTOCOL_VERSION;
use crate::remote::{BoxError, Frames, client_frames};

/// How long a server may take to upgrade the connection.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest body of a refusal that is looked at, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// The longest message taken from a refusal, in characters.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// Opens connections.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// Opens one.
    ///
    /// # Errors
    /// See [`ConnectError`].
    async fn connect(&self) -> Result<Box<dyn Frames>, ConnectError>;
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The server does not want this daemon: trying again is of no use.
    #[error("{0}")]
    Refused(String),
    /// Anything else; it may work later.
    #[error("{message}")]
    Failed {
        /// What did not work.
        message: String,
        /// Why.
        #[source]
        source: Option<BoxError>,
    },
}

/// What proves that a daemon may join.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A provisioner key; it carries organization and tags.
    Key(Secret),
    /// The deployment's pre-shared key.
    Psk(Secret),
    /// A user's session.
    Session(Secret),
}

/// What a daemon says when it joins.
#[derive(Debug, Clone)]
pub struct JoinRequest {
    /// The server, with the path under which it is reached.
    pub url: Url,
    /// Id or name of the organization, or `default`.
    pub organization: String,
    /// Unique per organization.
    pub name: String,
    /// What it can run.
    pub provisioners: Vec<ProvisionerType>,
    /// Which jobs fit it.
    pub tags: Tags,
    /// The daemon's software version.
    pub version: String,
    /// What proves that it may join.
    pub credential: Credential,
}

/// Opens connections over HTTP(S): a WebSocket at the server's `serve` endpoint.
#[derive(Debug, Clone)]
pub struct HttpConnector {
    http: reqwest::Client,
    url: Url,
    headers: HeaderMap,
}

impl HttpConnector {
    /// With a client that speaks HTTP/1.1 and has no time-out for whole requests; proxies and
    /// certificates are its matter. `headers` are sent in addition.
    ///
    /// # Errors
    /// [`ConnectError::Refused`] when the request is not one.
    pub fn new(
        http: reqwest::Client,
        request: &JoinRequest,
        headers: HeaderMap,
    ) -> Result<Self, ConnectError> {
        let mut headers = headers;
        let (name, secret) = match &request.credential {
            Credential::Key(secret) => ("coder-provisioner-daemon-key", secret),
            Credential::Psk(secret) => ("coder-provisioner-daemon-psk", secret),
            Credential::Session(secret) => ("coder-session-token", secret),
        };
        let mut value = header(secret.expose(), "the credential")?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
        headers.insert(
            HeaderName::from_static("x-coder-build-version"),
            header(&request.version, "the version")?,
        );
        let url = serve_url(request).ok_or_else(|| {
            ConnectError::Refused(format!("{} is not an HTTP address", request.url))
        })?;
        Ok(Self { http, url, headers })
    }

    async fn upgrade(&self) -> Result<reqwest::Upgraded, ConnectError> {
        let key = generate_key();
        let request = self
            .http
            .get(self.url.clone())
            .headers(self.headers.clone())
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let response = request.send().await.map_err(unreachable)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(refusal(response).await);
        }
        let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT);
        if accept.map(HeaderValue::as_bytes) != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(failed("the server did not confirm the WebSocket handshake"));
        }
        response.upgrade().await.map_err(unreachable)
    }
}

#[async_trait]
impl Connector for HttpConnector {
    async fn connect(&self) -> Result<Box<dyn Frames>, ConnectError> {
        let upgraded = tokio::time::timeout(UPGRADE_TIMEOUT, self.upgrade()).await;
        let upgraded = upgraded.map_err(|_| failed("the server did not answer in time"))??;
        Ok(Box::new(client_frames(upgraded).await))
    }
}

fn serve_url(request: &JoinRequest) -> Option<Url> {
    let mut url = request.url.clone();
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut().ok()?.pop_if_empty().extend([
        "api",
        "v2",
        "organizations",
        &request.organization,
        "provisionerdaemons",
        "serve",
    ]);
    let mut query = url.query_pairs_mut();
    query.append_pair("name", &request.name);
    for provisioner in &request.provisioners {
        query.append_pair("provisioner", provisioner.as_str());
    }
    for (key, value) in &request.tags {
        query.append_pair("tag", &format!("{key}={value}"));
    }
    query.append_pair("version", PROTOCOL_VERSION);
    drop(query);
    Some(url)
}

fn header(text: &str, what: &str) -> Result<HeaderValue, ConnectError> {
    let refused = |_| ConnectError::Refused(format!("{what} holds characters that it cannot"));
    HeaderValue::from_str(text).map_err(refused)
}

fn failed(message: impl Into<String>) -> ConnectError {
    ConnectError::Failed {
        message: message.into(),
        source: None,
    }
}

fn unreachable(error: reqwest::Error) -> ConnectError {
    ConnectError::Failed {
        message: "the server cannot be reached".to_owned(),
        // The address may carry more than it should.
        source: Some(error.without_url().into()),
    }
}

/// What an answer means that is not an upgrade: 403 is the server's last word, and so are 400 and
/// 401 when they come from the server itself and not from something before it.
async fn refusal(mut response: Response) -> ConnectError {
    #[derive(Deserialize)]
    struct Body {
        message: String,
        #[serde(default)]
        detail: String,
        #[serde(default)]
        validations: Vec<Validation>,
    }
    #[derive(Deserialize)]
    struct Validation {
        field: String,
        detail: String,
    }
    let status = response.status();
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if bytes.len() + chunk.len() > MAX_ERROR_BYTES {
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    let body = serde_json::from_slice::<Body>(&bytes).ok();
    let by_server = body.is_some();
    let text = body.map_or_else(
        || format!("the server answered {status}"),
        |body| {
            let details = body.validations.into_iter();
            let details = details.map(|field| format!("{}: {}", field.field, field.detail));
            let details: Vec<String> = std::iter::once(body.detail)
                .filter(|detail| !detail.is_empty())
                .chain(details)
                .collect();
            if details.is_empty() {
                body.message
            } else {
                format!("{} ({})", body.message, details.join("; "))
            }
        },
    );
    let clean = text.chars().filter(|character| !character.is_control());
    let text: String = clean.take(MAX_MESSAGE_CHARS).collect();
    match status {
        StatusCode::FORBIDDEN => ConnectError::Refused(text),
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED if by_server => {
            ConnectError::Refused(text)
        }
        _ => failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_keeps_the_servers_path_and_escapes_what_it_is_given() {
        let mut request = JoinRequest {
            url: Url::parse("https://example.com/base/?a=b#c").unwrap(),
            organization: "a/b".to_owned(),
            name: "one two".to_owned(),
            provisioners: vec![ProvisionerType::Terraform],
            tags: [("zone".to_owned(), "a&b=c".to_owned())].into(),
            version: "v1".to_owned(),
            credential: Credential::Psk(Secret::new("psk")),
        };
        assert_eq!(
            serve_url(&request).unwrap().as_str(),
            "https://example.com/base/api/v2/organizations/a%2Fb/provisionerdaemons/serve\
             ?name=one+two&provisioner=terraform&tag=zone%3Da%26b%3Dc&version=1.0"
        );
        request.url = Url::parse("ftp://example.com").unwrap();
        assert!(serve_url(&request).is_none());
    }
}

//! The HTTP client of the command line.

use super::{
    config_dir::ConfigDir,
    error::{CliError, CliResult},
    global::GlobalArgs,
};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// The header that carries the session token.
pub(crate) const SESSION_HEADER: &str = "Coder-Session-Token";
/// Bytes of an error body that are looked at.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// Time for one ordinary call, transfers included.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of a body that are sent in that time over a slow line; a larger one may take as long as the server lets it.
const QUICK_BODY: usize = 1024 * 1024;
/// Time for an upload, as long as the server's.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// A deployment, with the credentials to use there.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// Where the deployment is, with a final slash.
    pub(crate) url: Url,
    token: Option<String>,
    headers: HeaderMap,
}

impl Client {
    /// The deployment that the user is signed in to.
    pub(crate) fn signed_in(global: &GlobalArgs) -> CliResult<Self> {
        let config = ConfigDir::new(global.global_config.as_deref())?;
        let login = "Sign in with: coder login <url>";
        let url = global.url.clone().or_else(|| config.url());
        let url = url.ok_or_else(|| CliError::new("you are not signed in").hint(login))?;
        let token = global.token.clone().or_else(|| config.session());
        let token = token.ok_or_else(|| CliError::new("you are not signed in").hint(login))?;
        Self::new(global, &url, Some(token))
    }

    /// The deployment that is named or that the user is signed in to, with a session or without.
    pub(crate) fn perhaps_signed_in(global: &GlobalArgs) -> CliResult<Self> {
        let config = ConfigDir::new(global.global_config.as_deref())?;
        let url = global.url.clone().or_else(|| config.url());
        let url = url.ok_or_else(|| {
            CliError::new("no deployment is named")
                .hint("Pass --url, or sign in with: coder login <url>")
        })?;
        let token = global.token.clone().or_else(|| config.session());
        Self::new(global, &url, token)
    }

    /// Whether there is a session to use.
    pub(crate) const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Any deployment.
    pub(crate) fn new(global: &GlobalArgs, url: &str, token: Option<String>) -> CliResult<Self> {
        let mut parsed = parse_url(url)?;
        if !parsed.path().ends_with('/') {
            let path = format!("{}/", parsed.path());
            parsed.set_path(&path);
        }
        let http = global.http_client()?;
        let headers = global.headers(parsed.as_str())?;
        Ok(Self {
            http,
            url: parsed,
            token,
            headers,
        })
    }

    /// Reads a value.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> CliResult<T> {
        decode(path, self.call(Method::GET, path, None).await?).await
    }

    /// Reads bytes as they are.
    pub(crate) async fn bytes(&self, path: &str) -> CliResult<Vec<u8>> {
        let response = self.call(Method::GET, path, None).await?;
        let bytes = response.bytes().await.map_err(|error| {
            CliError::new(format!("the answer to {path} ended too early")).caused_by(error)
        })?;
        Ok(bytes.into())
    }

    /// Sends a value and reads the answer.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> CliResult<T> {
        decode(path, self.call(Method::POST, path, Some(body)).await?).await
    }

    /// Replaces a value and reads the answer.
    pub(crate) async fn put<T: DeserializeOwned>(&self, path: &str, body: &Value) -> CliResult<T> {
        decode(path, self.call(Method::PUT, path, Some(body)).await?).await
    }

    /// Sends a value with another method; the answer does not matter.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> CliResult {
        self.call(method, path, body).await.map(drop)
    }

    /// Whether something is there: its value, or `None` for 404.
    pub(crate) async fn find<T: DeserializeOwned>(&self, path: &str) -> CliResult<Option<T>> {
        let response = self
            .execute(self.request(Method::GET, path)?.timeout(CALL_TIMEOUT))
            .await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        decode(path, checked(response).await?).await.map(Some)
    }

    /// The status of an answer whatever it is, and the value of a success.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> CliResult<(StatusCode, Option<T>)> {
        let request = self.request(Method::GET, path)?.timeout(CALL_TIMEOUT);
        let response = self.execute(request).await?;
        let status = response.status();
        let value = match status.is_success() {
            true => Some(decode(path, response).await?),
            false => None,
        };
        Ok((status, value))
    }

    /// Uploads an archive; answers the id of the file.
    pub(crate) async fn upload_tar(&self, archive: Vec<u8>) -> CliResult<String> {
        #[derive(serde::Deserialize)]
        struct Uploaded {
            hash: String,
        }
        let request = self.request(Method::POST, "api/v2/files")?;
        let request = request
            .header("Content-Type", "application/x-tar")
            .body(archive);
        let response = checked(self.execute(request.timeout(UPLOAD_TIMEOUT)).await?).await?;
        Ok(decode::<Uploaded>("api/v2/files", response).await?.hash)
    }

    /// A request with credentials, for whoever needs more than a value.
    pub(crate) fn request(&self, method: Method, path: &str) -> CliResult<reqwest::RequestBuilder> {
        let url = self.url.join(path.trim_start_matches('/'));
        let url = url.map_err(|error| CliError::new("the path is not valid").caused_by(error))?;
        let mut request = self.http.request(method, url).headers(self.headers.clone());
        if let Some(token) = &self.token {
            request = request.header(SESSION_HEADER, token);
        }
        Ok(request)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> CliResult<reqwest::Response> {
        let mut request = self.request(method, path)?.timeout(CALL_TIMEOUT);
        if let Some(body) = body {
            let bytes = body.to_string();
            if bytes.len() > QUICK_BODY {
                request = request.timeout(UPLOAD_TIMEOUT);
            }
            request = request
                .header("Content-Type", "application/json")
                .body(bytes);
        }
        checked(self.execute(request).await?).await
    }

    async fn execute(&self, request: reqwest::RequestBuilder) -> CliResult<reqwest::Response> {
        send(request).await.map_err(|error| {
            CliError::new(format!("{} cannot be reached", self.url))
                .caused_by(error)
                .hint("Check the URL, and HTTPS_PROXY and NO_PROXY if you are behind a proxy.")
        })
    }
}

/// Sends a request. One that only reads is sent once more when the connection, which an earlier one has left
/// open, turns out to be closed: some proxies close theirs without a word.
pub(super) async fn send(request: reqwest::RequestBuilder) -> reqwest::Result<reqwest::Response> {
    let (http, request) = request.build_split();
    let request = request?;
    let again = match *request.method() {
        Method::GET => request.try_clone(),
        _ => None,
    };
    match (http.execute(request).await, again) {
        (Err(error), Some(again))
            if error.is_request() && !error.is_connect() && !error.is_timeout() =>
        {
            http.execute(again).await
        }
        (answer, _) => answer,
    }
}

/// The address of a deployment; without a scheme it is HTTPS.
pub(super) fn parse_url(text: &str) -> CliResult<Url> {
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    Url::parse(&with_scheme)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
        .ok_or_else(|| {
            CliError::new(format!("{text:?} is not a URL"))
                .hint("Write it like https://coder.example.com")
        })
}

async fn decode<T: DeserializeOwned>(path: &str, response: reqwest::Response) -> CliResult<T> {
    response.json().await.map_err(|error| {
        CliError::new(format!("the answer to {path} is not understood"))
            .caused_by(error)
            .hint("Is this the URL of a deployment? Compare versions with: coder version")
    })
}

/// Turns an error answer into a message with its detail and fields.
pub(crate) async fn checked(response: reqwest::Response) -> CliResult<reqwest::Response> {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Body {
        message: String,
        detail: String,
        validations: Vec<Field>,
    }
    #[derive(serde::Deserialize)]
    struct Field {
        field: String,
        detail: String,
    }
    let status = response.status();
    if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response);
    }
    let bytes = response.bytes().await.unwrap_or_default();
    let body: Body = bytes
        .get(..bytes.len().min(MAX_ERROR_BODY))
        .and_then(|bytes| serde_json::from_slice(bytes).ok())
        .unwrap_or_default();
    let mut message = body.message;
    if message.is_empty() {
        message = format!("the server answered {status}");
    }
    for part in std::iter::once(body.detail).filter(|detail| !detail.is_empty()) {
        message.push_str(&format!("\n  {part}"));
    }
    for field in body.validations {
        message.push_str(&format!("\n  {}: {}", field.field, field.detail));
    }
    let error = CliError::new(
        super::output::printable(&message.replace('\n', "\u{2028}")).replace('\u{2028}', "\n"),
    );
    Err(match status {
        StatusCode::UNAUTHORIZED => error.hint("Sign in with: coder login <url>"),
        _ => error,
    })
}

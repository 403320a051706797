use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coder_core::{id::WorkspaceAgentId, secret::Secret};
use http::{HeaderMap, Method, StatusCode};
use reqwest::RequestBuilder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::Url;
use uuid::Uuid;

use crate::http_api::{self, ListeningPortsResponse};
use crate::http_client::for_server;
use crate::instance_identity::{IdentityDocument, IdentitySource};
use crate::protocol::{
    API_VERSION, API_VERSION_QUERY, AuthenticateResponse, BASE_PATH, CreateSubAgentRequest,
    CreateSubAgentResponse, ExternalAuthQuery, ExternalAuthResponse, GitSshKey, LifecycleReport,
    ListSubAgentsResponse, LogSource, MAX_BODY_BYTES, Manifest, PatchLogs, PostLogSourceRequest,
    ReportAppHealth, ReportConnection, ReportMetadata, ResourcesMonitoringConfiguration,
    ResourcesMonitoringUsage, SESSION_TOKEN_HEADER, ScriptCompleted, Startup, Stats, StatsResponse,
};
use crate::reconnecting_pty::{ReconnectingPty, ReconnectingPtyInit};
use crate::speedtest::{self, SpeedtestOptions};
use crate::tunnel::{AgentTunnel, BoxedIo, port, ws};
use crate::{AgentApi, Error, ErrorKind, Result, SessionToken};

/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection to the server, TLS included, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the other side's host may leave sent bytes unacknowledged before the connection is
/// lost. Finds dead lines while data is being sent, when no ping gets through.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(60);

/// The largest body of a failed call that is looked at, in bytes.
const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;

/// The longest message taken from a server's error, in characters.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// The agent's side of [`AgentApi`]: HTTP calls with the agent's token.
///
/// Proxies are taken from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, certificates from the
/// platform. Redirects are not followed: the token belongs to one server only.
#[derive(Clone)]
pub struct AgentClient {
    calls: reqwest::Client,
    upgrades: reqwest::Client,
    base: Url,
    token: SessionToken,
    /// Where a token comes from when there is none.
    identity: Option<Arc<Identity>>,
}

struct Identity {
    source: Box<dyn IdentitySource>,
    /// Held during an exchange: one serves all calls that wait for a token.
    exchanging: Mutex<()>,
}

impl AgentClient {
    /// A client of the server at `access_url` for the agent that owns `token`.
    ///
    /// # Errors
    /// When the URL is not one of HTTP, or TLS cannot be set up.
    pub fn new(access_url: &Url, token: &str) -> Result<Self> {
        header_value(token)?;
        Self::build(access_url, Secret::new(token).into(), None)
    }

    /// A client that gets its token from the server for the documents of `source`: before the first call, and
    /// again after a call that was refused for its token.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_identity(access_url: &Url, source: Box<dyn IdentitySource>) -> Result<Self> {
        let identity = Identity {
            source,
            exchanging: Mutex::new(()),
        };
        Self::build(
            access_url,
            SessionToken::default(),
            Some(Arc::new(identity)),
        )
    }

    fn build(
        access_url: &Url,
        token: SessionToken,
        identity: Option<Arc<Identity>>,
    ) -> Result<Self> {
        let base = join(access_url, BASE_PATH)?;
        let (calls, upgrades) = clients(&base, &HeaderMap::new())?;
        Ok(Self {
            calls,
            upgrades,
            base,
            token,
            identity,
        })
    }

    /// Adds headers to each request, see [`headers`](crate::headers).
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn with_headers(self, headers: &HeaderMap) -> Result<Self> {
        let (calls, upgrades) = clients(&self.base, headers)?;
        Ok(Self {
            calls,
            upgrades,
            ..self
        })
    }

    /// The token that calls are made with.
    #[must_use]
    pub const fn token(&self) -> &SessionToken {
        &self.token
    }

    /// Adds the token, which is got first when there is none.
    async fn authorized(&self, request: RequestBuilder) -> Result<RequestBuilder> {
        if let Some(identity) = &self.identity {
            let _exchanging = identity.exchanging.lock().await;
            if self.token.get().expose().is_empty() {
                self.token.set(self.exchange(&*identity.source).await?);
            }
        }
        let token = header_value(self.token.get().expose())?;
        Ok(request.header(SESSION_TOKEN_HEADER, token))
    }

    async fn exchange(&self, source: &dyn IdentitySource) -> Result<Secret> {
        let document = source.document().await?;
        // Beside the calls of agents that have a token.
        let post = |name: &str| {
            let url = self.base.join(&format!("../{name}")).map_err(setup_error)?;
            Ok::<_, Error>(self.calls.post(url))
        };
        let request = match &document {
            IdentityDocument::Aws(body) => post("aws-instance-identity")?.json(body),
            IdentityDocument::Azure(body) => post("azure-instance-identity")?.json(body),
            IdentityDocument::Google(body) => post("google-instance-identity")?.json(body),
        };
        let response = checked(request.send().await.map_err(send_error)?).await?;
        let answer: AuthenticateResponse = decode("instance-identity", response).await?;
        Ok(answer.session_token)
    }

    /// Forgets a token that was refused, if another one can be got.
    fn note(&self, error: &Error) {
        if self.identity.is_some() && error.kind() == ErrorKind::Unauthenticated {
            self.token.set(Secret::default());
        }
    }

    /// Opens the tunnel, to be given to [`TunnelAcceptor::new`](crate::tunnel::TunnelAcceptor::new).
    ///
    /// # Errors
    /// What the server answered instead of upgrading; see [`ws::connect`].
    pub async fn tunnel(&self) -> Result<ws::WsIo<BoxedIo>> {
        let mut url = join(&self.base, "tunnel")?;
        url.query_pairs_mut()
            .append_pair(API_VERSION_QUERY, API_VERSION);
        let request = self.authorized(self.upgrades.get(url)).await?;
        let opened = ws::connect(request).await;
        opened.inspect_err(|error| self.note(error))
    }

    /// Opens the connection of a stream that the server asked to move.
    ///
    /// # Errors
    /// What the server answered instead of upgrading; see [`ws::upgrade`].
    pub async fn stream(&self, ticket: Uuid) -> Result<BoxedIo> {
        let mut url = join(&self.base, "stream")?;
        url.query_pairs_mut().append_pair("id", &ticket.to_string());
        let request = self.authorized(self.upgrades.get(url)).await?;
        let opened = ws::upgrade(request).await;
        opened.inspect_err(|error| self.note(error))
    }

    async fn call<B: Serialize + Sync>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<reqwest::Response> {
        let mut request = self.calls.request(method, join(&self.base, path)?);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.send(request).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<reqwest::Response> {
        let request = self.authorized(request).await?;
        let response = request.send().await.map_err(send_error)?;
        checked(response)
            .await
            .inspect_err(|error| self.note(error))
    }

    async fn tell<B: Serialize + Sync>(&self, method: Method, path: &str, body: &B) -> Result<()> {
        self.call(method, path, Some(body)).await.map(drop)
    }

    async fn ask<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<A> {
        decode(path, self.call(method, path, body).await?).await
    }
}

async fn checked(response: reqwest::Response) -> Result<reqwest::Response> {
    if response.status().is_success() {
        Ok(response)
    } else {
        Err(response_error(response).await)
    }
}

async fn decode<A: DeserializeOwned>(path: &str, response: reqwest::Response) -> Result<A> {
    let body = read_body(response, MAX_BODY_BYTES).await?;
    serde_json::from_slice(&body).map_err(|error| {
        Error::new(
            ErrorKind::Protocol,
            format!("server's answer to {path} is not understood"),
        )
        .with_source(error)
    })
}

#[async_trait]
impl AgentApi for AgentClient {
    async fn manifest(&self) -> Result<Manifest> {
        self.ask(Method::GET, "manifest", None::<&()>).await
    }

    async fn report_startup(&self, startup: Startup) -> Result<()> {
        self.tell(Method::POST, "startup", &startup).await
    }

    async fn report_lifecycle(&self, report: LifecycleReport) -> Result<()> {
        self.tell(Method::POST, "report-lifecycle", &report).await
    }

    async fn patch_logs(&self, logs: PatchLogs) -> Result<()> {
        self.tell(Method::PATCH, "logs", &logs).await
    }

    async fn post_log_source(&self, source: PostLogSourceRequest) -> Result<LogSource> {
        self.ask(Method::POST, "log-source", Some(&source)).await
    }

    async fn report_metadata(&self, report: ReportMetadata) -> Result<()> {
        self.tell(Method::POST, "metadata", &report).await
    }

    async fn script_completed(&self, completed: ScriptCompleted) -> Result<()> {
        self.tell(Method::POST, "script-completed", &completed)
            .await
    }

    async fn report_app_health(&self, report: ReportAppHealth) -> Result<()> {
        self.tell(Method::POST, "app-health", &report).await
    }

    async fn report_stats(&self, stats: Stats) -> Result<StatsResponse> {
        self.ask(Method::POST, "report-stats", Some(&stats)).await
    }

    async fn git_ssh_key(&self) -> Result<GitSshKey> {
        self.ask(Method::GET, "gitsshkey", None::<&()>).await
    }

    async fn external_auth(&self, query: ExternalAuthQuery) -> Result<ExternalAuthResponse> {
        let mut url = join(&self.base, "external-auth")?;
        let given = [("match", query.matching), ("id", query.id)];
        let given = given.into_iter().filter(|(_, value)| !value.is_empty());
        let listen = query.listen.then(|| ("listen", "true".to_owned()));
        url.query_pairs_mut().extend_pairs(given.chain(listen));
        let response = self.send(self.calls.get(url)).await?;
        decode("external-auth", response).await
    }

    async fn create_sub_agent(&self, new: CreateSubAgentRequest) -> Result<CreateSubAgentResponse> {
        self.ask(Method::POST, "sub-agents", Some(&new)).await
    }

    async fn list_sub_agents(&self) -> Result<ListSubAgentsResponse> {
        self.ask(Method::GET, "sub-agents", None::<&()>).await
    }

    async fn delete_sub_agent(&self, id: WorkspaceAgentId) -> Result<()> {
        let path = format!("sub-agents/{id}");
        self.call(Method::DELETE, &path, None::<&()>)
            .await
            .map(drop)
    }

    async fn report_connection(&self, connection: ReportConnection) -> Result<()> {
        self.tell(Method::POST, "report-connection", &connection)
            .await
    }

    async fn resources_monitoring_configuration(&self) -> Result<ResourcesMonitoringConfiguration> {
        let path = "resources-monitoring-configuration";
        self.ask(Method::GET, path, None::<&()>).await
    }

    async fn push_resources_monitoring_usage(&self, usage: ResourcesMonitoringUsage) -> Result<()> {
        self.tell(Method::POST, "resources-monitoring-usage", &usage)
            .await
    }
}

/// What a user's client needs to reach agents through the server.
#[derive(Clone, Debug)]
pub struct AgentConn {
    upgrades: reqwest::Client,
    access_url: Url,
    token: Secret,
}

impl AgentConn {
    /// A client of the server at `access_url` for the user who owns `token`.
    ///
    /// # Errors
    /// When the URL is not one of HTTP, or TLS cannot be set up.
    pub fn new(access_url: &Url, token: &str) -> Result<Self> {
        header_value(token)?;
        let (_, upgrades) = clients(access_url, &HeaderMap::new())?;
        Ok(Self {
            upgrades,
            access_url: join(access_url, "")?,
            token: Secret::new(token),
        })
    }

    /// Opens a stream to a [`port`](crate::tunnel::port) of an agent. It must be flushed after
    /// writing, and pings by itself while it is read.
    ///
    /// # Errors
    /// What the server answered instead of upgrading; see [`ws::connect`].
    pub async fn dial(&self, agent: WorkspaceAgentId, port: u16) -> Result<ws::WsIo<BoxedIo>> {
        self.connect(agent, port, "tcp").await
    }

    /// Opens a stream of [`datagram`](crate::tunnel::datagram)s to a UDP port of an agent's
    /// workspace.
    ///
    /// # Errors
    /// As [`dial`](Self::dial).
    pub async fn dial_udp(&self, agent: WorkspaceAgentId, port: u16) -> Result<ws::WsIo<BoxedIo>> {
        self.connect(agent, port, "udp").await
    }

    async fn connect(
        &self,
        agent: WorkspaceAgentId,
        port: u16,
        network: &str,
    ) -> Result<ws::WsIo<BoxedIo>> {
        let path = format!("api/v2/workspaceagents/{agent}/connect");
        let mut url = join(&self.access_url, &path)?;
        url.query_pairs_mut()
            .append_pair("port", &port.to_string())
            .append_pair("network", network);
        let io = ws::connect(self.request(url)?).await?;
        Ok(io.with_keep_alive(ws::KEEP_ALIVE_INTERVAL))
    }

    /// Opens one connection to an agent for many streams: for clients that open them often.
    ///
    /// # Errors
    /// What the server answered instead of upgrading; see [`ws::connect`].
    pub async fn tunnel(&self, agent: WorkspaceAgentId) -> Result<AgentTunnel> {
        let path = format!("api/v2/workspaceagents/{agent}/connect");
        let url = join(&self.access_url, &path)?;
        Ok(AgentTunnel::new(ws::connect(self.request(url)?).await?))
    }

    /// Attaches to a terminal of an agent, which outlives the connection. It pings by itself while
    /// it is read.
    ///
    /// # Errors
    /// As [`dial`](Self::dial), and as [`ReconnectingPty::attach`].
    pub async fn reconnecting_pty(
        &self,
        agent: WorkspaceAgentId,
        init: &ReconnectingPtyInit,
    ) -> Result<ReconnectingPty> {
        let io = self.dial(agent, port::RECONNECTING_PTY).await?;
        ReconnectingPty::attach(io, init).await
    }

    /// Asks an agent on which ports programs of its workspace listen.
    ///
    /// # Errors
    /// As [`dial`](Self::dial), and as [`http_api::listening_ports`].
    pub async fn listening_ports(&self, agent: WorkspaceAgentId) -> Result<ListeningPortsResponse> {
        http_api::listening_ports(self.dial(agent, port::HTTP_API).await?).await
    }

    /// Measures throughput to an agent. `watch` is told of each second as it ends.
    ///
    /// # Errors
    /// As [`dial`](Self::dial), and as [`speedtest::run`].
    pub async fn speedtest(
        &self,
        agent: WorkspaceAgentId,
        options: SpeedtestOptions,
        watch: impl FnMut(speedtest::Interval),
    ) -> Result<speedtest::Interval> {
        speedtest::run(self.dial(agent, port::SPEEDTEST).await?, options, watch).await
    }

    fn request(&self, url: Url) -> Result<RequestBuilder> {
        let token = header_value(self.token.expose())?;
        Ok(self.upgrades.get(url).header(SESSION_TOKEN_HEADER, token))
    }
}

/// The error in a response that is not a success.
pub(crate) async fn response_error(response: reqwest::Response) -> Error {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body = read_body(response, MAX_ERROR_BODY_BYTES)
        .await
        .unwrap_or_default();
    status_error(status, &body).with_retry_after(retry_after)
}

/// The seconds in a `Retry-After`. A date there is nothing that we send.
fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// The error of a request that brought no response.
pub(crate) fn send_error(error: reqwest::Error) -> Error {
    let kind = if error.is_timeout() {
        ErrorKind::TimedOut
    } else {
        ErrorKind::Unavailable
    };
    let message = match &kind {
        ErrorKind::TimedOut => "server did not answer in time",
        _ => "server cannot be reached",
    };
    // The address may carry more than it should.
    Error::new(kind, message).with_source(error.without_url())
}

pub(crate) fn status_error(status: StatusCode, body: &[u8]) -> Error {
    let kind = match status {
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorKind::Forbidden,
        StatusCode::NOT_FOUND | StatusCode::GONE => ErrorKind::NotFound,
        StatusCode::CONFLICT => ErrorKind::Conflict,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::TooLarge,
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => ErrorKind::TimedOut,
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::Busy,
        StatusCode::NOT_IMPLEMENTED => ErrorKind::Unsupported,
        status if status.is_client_error() => ErrorKind::InvalidInput,
        status if status.is_server_error() => ErrorKind::Unavailable,
        _ => ErrorKind::Protocol,
    };
    #[derive(serde::Deserialize)]
    struct Body {
        message: String,
        #[serde(default)]
        detail: String,
    }
    let message = match serde_json::from_slice::<Body>(body) {
        Ok(Body { message, detail }) if detail.is_empty() => message,
        Ok(Body { message, detail }) => format!("{message} ({detail})"),
        Err(_) => format!("server answered {status}"),
    };
    let clean = message.chars().filter(|character| !character.is_control());
    Error::new(kind, clean.take(MAX_MESSAGE_CHARS).collect::<String>())
}

async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(send_error)? {
        if body.len() + chunk.len() > limit {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "server's answer is too large",
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn header_value(token: &str) -> Result<http::HeaderValue> {
    let mut token = http::HeaderValue::from_str(token).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "token is not one").with_source(error)
    })?;
    token.set_sensitive(true);
    Ok(token)
}

/// For calls, and for upgrades: those are an act of HTTP/1.1, and the time of an upgraded connection has no bound.
fn clients(base: &Url, headers: &HeaderMap) -> Result<(reqwest::Client, reqwest::Client)> {
    let calls = for_server(base, || builder(headers).timeout(CALL_TIMEOUT))?;
    let upgrades = for_server(base, || builder(headers).http1_only())?;
    Ok((calls, upgrades))
}

fn builder(headers: &HeaderMap) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder().default_headers(headers.clone());
    #[cfg(target_os = "linux")]
    let builder = builder.tcp_user_timeout(UNACKNOWLEDGED_TIMEOUT);
    builder
        .user_agent(concat!("coder-agent/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(Duration::from_secs(15))
        .redirect(reqwest::redirect::Policy::none())
}

impl fmt::Debug for AgentClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AgentClient")
            .field("base", &self.base.as_str())
            .field("has_identity", &self.identity.is_some())
            .finish_non_exhaustive()
    }
}

fn setup_error(error: impl StdError + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "HTTP client cannot be set up").with_source(error)
}

/// Appends `path` to `base`, which may have a path of its own.
fn join(base: &Url, path: &str) -> Result<Url> {
    let refused = || {
        Error::new(
            ErrorKind::InvalidInput,
            format!("{base} is not an HTTP address"),
        )
    };
    if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
        return Err(refused());
    }
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    let prefix = base.path().trim_end_matches('/');
    url.set_path(&format!("{prefix}/{}", path.trim_start_matches('/')));
    Ok(url)
}

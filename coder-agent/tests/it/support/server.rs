use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use coder_agent::protocol::{API_VERSION, ExternalAuthQuery, SESSION_TOKEN_HEADER};
use coder_agent::testing::FakeAgentApi;
use coder_agent::tunnel::{AgentTunnel, Io, splice, ws};
use coder_agent::{AgentApi, Error, ErrorKind};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use url::Url;

pub(crate) const TOKEN: &str = "2c0a92c4-6a4f-4a9e-9c5b-0f6a3a9d8f11";

/// A fake of the server over real HTTP: the calls of [`FakeAgentApi`], the tunnel, and clients'
/// streams.
pub(crate) struct TestServer {
    pub(crate) url: Url,
    pub(crate) state: Arc<State>,
    accepting: AbortHandle,
}

pub(crate) struct State {
    pub(crate) api: FakeAgentApi,
    tunnel: watch::Sender<Option<AgentTunnel>>,
    pub(crate) tunnels: AtomicUsize,
    /// The token that is good.
    pub(crate) token: Mutex<String>,
    /// The documents that were exchanged for it, with the last part of the path.
    pub(crate) exchanged: Mutex<Vec<(String, serde_json::Value)>>,
    /// Connections of streams that were moved.
    pub(crate) streams: AtomicUsize,
}

type Answer = Response<Full<Bytes>>;

impl TestServer {
    pub(crate) async fn start(api: FakeAgentApi) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(api, listener, None).await
    }

    pub(crate) async fn serve(
        api: FakeAgentApi,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let address: SocketAddr = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://localhost:{}", address.port())).unwrap();
        let state = State {
            api,
            tunnel: watch::Sender::new(None),
            tunnels: AtomicUsize::new(0),
            token: Mutex::new(TOKEN.to_owned()),
            exchanged: Mutex::default(),
            streams: AtomicUsize::new(0),
        };
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                connections.spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                connection(state, socket).await;
                            }
                        }
                        None => connection(state, socket).await,
                    }
                });
            }
        });
        Self {
            url,
            state,
            accepting: accepting.abort_handle(),
        }
    }

    /// The tunnel that was opened last, waiting for one that still lives.
    pub(crate) async fn tunnel(&self) -> AgentTunnel {
        let mut tunnels = self.state.tunnel.subscribe();
        let live = |tunnel: &Option<AgentTunnel>| tunnel.as_ref().is_some_and(|t| !t.is_closed());
        super::soon(tunnels.wait_for(live))
            .await
            .unwrap()
            .clone()
            .unwrap()
    }

    pub(crate) fn api(&self) -> &FakeAgentApi {
        &self.state.api
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connection(state: Arc<State>, socket: impl Io) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(state, request).await) }
    });
    let http = hyper::server::conn::http1::Builder::new();
    // Clients come and go.
    let _ = http
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades()
        .await;
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    if path.ends_with("-instance-identity") {
        return exchange(&state, &path, request).await;
    }
    let token = request.headers().get(SESSION_TOKEN_HEADER);
    let good = state.token.lock().unwrap().clone();
    if token.is_none_or(|token| token != good.as_str()) {
        return failed(&Error::new(
            ErrorKind::Unauthenticated,
            "Agent token is not valid.",
        ));
    }
    if let Some(call) = path.strip_prefix("/api/v2/workspaceagents/me/") {
        let call = call.to_owned();
        return match call.as_str() {
            "tunnel" => tunnel(state, request),
            "stream" => stream(state, request),
            call => control(&state.api, call, request).await,
        };
    }
    match path.strip_suffix("/connect") {
        Some(_) => connect(state, request).await,
        None => failed(&Error::new(ErrorKind::NotFound, "Route not found.")),
    }
}

async fn exchange(state: &State, path: &str, request: Request<Incoming>) -> Answer {
    let name = path.strip_prefix("/api/v2/workspaceagents/").unwrap();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut exchanged = state.exchanged.lock().unwrap();
    exchanged.push((name.to_owned(), read(&body)));
    let token = state.token.lock().unwrap().clone();
    response(
        StatusCode::OK,
        &serde_json::json!({ "session_token": token }),
    )
}

async fn control(api: &FakeAgentApi, call: &str, request: Request<Incoming>) -> Answer {
    let method = request.method().clone();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let done = |result: Result<(), Error>| match result {
        Ok(()) => response(StatusCode::OK, &serde_json::json!({ "message": "ok" })),
        Err(error) => failed(&error),
    };
    match (method, call) {
        (Method::GET, "manifest") => given(api.manifest().await),
        (Method::POST, "startup") => done(api.report_startup(read(&body)).await),
        (Method::POST, "report-lifecycle") => done(api.report_lifecycle(read(&body)).await),
        (Method::PATCH, "logs") => done(api.patch_logs(read(&body)).await),
        (Method::POST, "log-source") => given(api.post_log_source(read(&body)).await),
        (Method::POST, "metadata") => done(api.report_metadata(read(&body)).await),
        (Method::POST, "script-completed") => done(api.script_completed(read(&body)).await),
        (Method::POST, "app-health") => done(api.report_app_health(read(&body)).await),
        (Method::POST, "report-stats") => given(api.report_stats(read(&body)).await),
        (Method::GET, "gitsshkey") => given(api.git_ssh_key().await),
        (Method::POST, "sub-agents") => given(api.create_sub_agent(read(&body)).await),
        (Method::GET, "sub-agents") => given(api.list_sub_agents().await),
        (Method::DELETE, call) if call.starts_with("sub-agents/") => {
            let id = call.trim_start_matches("sub-agents/").parse().unwrap();
            done(api.delete_sub_agent(id).await)
        }
        (Method::GET, "external-auth") => given(api.external_auth(external_auth(&query)).await),
        (Method::POST, "report-connection") => done(api.report_connection(read(&body)).await),
        (Method::GET, "resources-monitoring-configuration") => {
            given(api.resources_monitoring_configuration().await)
        }
        (Method::POST, "resources-monitoring-usage") => {
            done(api.push_resources_monitoring_usage(read(&body)).await)
        }
        _ => failed(&Error::new(ErrorKind::NotFound, "Route not found.")),
    }
}

fn external_auth(query: &str) -> ExternalAuthQuery {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut asked = ExternalAuthQuery::default();
    for (name, value) in pairs {
        match name.as_ref() {
            "match" => asked.matching = value.into_owned(),
            "id" => asked.id = value.into_owned(),
            name => {
                assert_eq!(name, "listen");
                asked.listen = value == "true";
            }
        }
    }
    asked
}

fn tunnel(state: Arc<State>, mut request: Request<Incoming>) -> Answer {
    let expected = format!("version={API_VERSION}");
    assert_eq!(request.uri().query(), Some(&*expected));
    let upgrade = hyper::upgrade::on(&mut request);
    let answer = ws::upgrade_response(request.headers()).unwrap();
    tokio::spawn(async move {
        let io = ws::server_io(TokioIo::new(upgrade.await.unwrap()));
        state.tunnels.fetch_add(1, Ordering::SeqCst);
        let tunnel = AgentTunnel::new(io);
        tunnel.move_streams();
        state.tunnel.send_replace(Some(tunnel));
    });
    answer.map(|()| Full::default())
}

async fn connect(state: Arc<State>, mut request: Request<Incoming>) -> Answer {
    let port = request
        .uri()
        .query()
        .and_then(|query| query.strip_prefix("port=")?.strip_suffix("&network=tcp"));
    let port = port.unwrap().parse().unwrap();
    let tunnel = state.tunnel.borrow().clone();
    let Some(tunnel) = tunnel else {
        return failed(&Error::new(
            ErrorKind::Unavailable,
            "Agent is not connected.",
        ));
    };
    let stream = match tunnel.open(port).await {
        Ok(stream) => stream,
        Err(error) => return failed(&error),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let answer = ws::upgrade_response(request.headers()).unwrap();
    tokio::spawn(async move {
        let io = ws::server_io(TokioIo::new(upgrade.await.unwrap()));
        let _ = splice(io, stream).await;
    });
    answer.map(|()| Full::default())
}

fn stream(state: Arc<State>, mut request: Request<Incoming>) -> Answer {
    let ticket = request
        .uri()
        .query()
        .and_then(|query| query.strip_prefix("id="));
    let ticket = ticket.unwrap().parse().unwrap();
    let tunnel = state.tunnel.borrow().clone();
    let Some(expected) = tunnel.and_then(|tunnel| tunnel.expects(ticket)) else {
        return failed(&Error::new(ErrorKind::NotFound, "Nobody asked for it."));
    };
    state.streams.fetch_add(1, Ordering::SeqCst);
    let upgrade = hyper::upgrade::on(&mut request);
    let answer = ws::upgrade_response(request.headers()).unwrap();
    tokio::spawn(async move { expected.arrived(TokioIo::new(upgrade.await.unwrap())) });
    answer.map(|()| Full::default())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> T {
    serde_json::from_slice(body).unwrap()
}

fn given<T: Serialize>(result: Result<T, Error>) -> Answer {
    match result {
        Ok(value) => response(StatusCode::OK, &value),
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> Answer {
    let status = match error.kind() {
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_GATEWAY,
    };
    response(status, &serde_json::json!({ "message": error.message() }))
}

fn response(status: StatusCode, body: &impl Serialize) -> Answer {
    let body = Bytes::from(serde_json::to_vec(body).unwrap());
    Response::builder()
        .status(status)
        .body(Full::new(body))
        .unwrap()
}

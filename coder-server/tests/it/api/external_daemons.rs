//! Daemons in other processes, and what both kinds must do.

use super::{
    harness::{Person, TestServer, tar},
    live::{Live, eventually},
};
use async_trait::async_trait;
use bytes::Bytes;
use coder_core::{
    id::{ProvisionerJobId, ProvisionerKeyId},
    provisioner_job::{ProvisionerType, Tags},
    secret::Secret,
    service::daemons::DaemonIdentity,
};
use coder_provisioner::{
    Daemon, DaemonOptions, EchoProvisioner, Provisioner, ProvisionerDaemonApi,
    daemon_api_conformance::Fixture,
    echo::EchoScript,
    protocol::{FailedJob, MAX_ARCHIVE_BYTES, PROTOCOL_VERSION, UpdateJob},
    remote::client::{Credential, DaemonClient, HttpConnector, JoinRequest},
};
use coder_server::rpc::provisioner_daemon::{DaemonApi, DaemonSettings};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicUsize, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const PSK: &str = "a-long-pre-shared-key";
const SERVE: &str = "/api/v2/organizations/default/provisionerdaemons/serve";

async fn live() -> Live {
    let server = TestServer::with_config(|config| {
        config.http.dangerous_disable_rate_limits = true;
        config.provisioner.provisioner_daemon_psk = Some(Secret::new(PSK));
    });
    Live::listen(server.await).await
}

fn request(live: &Live, credential: Credential) -> JoinRequest {
    JoinRequest {
        url: live.url(),
        organization: "default".to_owned(),
        name: "rack-1".to_owned(),
        provisioners: vec![ProvisionerType::Echo],
        tags: Tags::new(),
        version: "v1".to_owned(),
        credential,
    }
}

fn client(request: &JoinRequest) -> DaemonClient {
    let http = reqwest::Client::builder().http1_only().no_proxy();
    let http = http.build().unwrap();
    DaemonClient::start(HttpConnector::new(http, request, http::HeaderMap::new()).unwrap())
}

/// A server with one daemon, in process or behind a connection.
struct OneDaemon {
    live: Live,
    admin: Person,
    api: Arc<dyn ProvisionerDaemonApi>,
    posted: AtomicUsize,
}

impl OneDaemon {
    async fn in_process() -> Self {
        let live = live().await;
        let identity = DaemonIdentity {
            organization_id: live.server.organization,
            key_id: ProvisionerKeyId::BUILT_IN,
            name: "builtin".to_owned(),
            version: "v1".to_owned(),
            api_version: PROTOCOL_VERSION.to_owned(),
            provisioners: vec![ProvisionerType::Echo],
            tags: Tags::new(),
        };
        let deps = live.server.state.deps.clone();
        let api = DaemonApi::join(
            deps,
            DaemonSettings::default(),
            &live.server.state.bells,
            &identity,
        );
        let api = api.await.unwrap();
        Self::new(live, Arc::new(api)).await
    }

    async fn connected() -> Self {
        let live = live().await;
        let api = client(&request(&live, Credential::Psk(Secret::new(PSK))));
        Self::new(live, Arc::new(api)).await
    }

    async fn new(live: Live, api: Arc<dyn ProvisionerDaemonApi>) -> Self {
        let admin = live.server.person("admin", &["owner"]).await;
        Self {
            live,
            admin,
            api,
            posted: AtomicUsize::new(0),
        }
    }
}

#[async_trait]
impl Fixture for OneDaemon {
    fn api(&self) -> Arc<dyn ProvisionerDaemonApi> {
        Arc::clone(&self.api)
    }

    async fn post(&self, bytes: usize) -> Bytes {
        let archive = tar(&[("main.tf", &"x".repeat(bytes))]);
        let kind = "application/x-tar";
        let server = &self.live.server;
        let uploaded = server.upload_bytes(&self.admin, kind, archive.clone());
        let file = uploaded.await.json()["hash"].as_str().unwrap().to_owned();
        let number = self.posted.fetch_add(1, Ordering::Relaxed);
        let body = json!({
            "name": format!("v{number}"), "storage_method": "file", "file_id": file,
            "provisioner": "echo",
        });
        let path = "/api/v2/organizations/default/templateversions";
        server.post(path, &self.admin, body).await.expect(201);
        archive.into()
    }

    async fn cancel(&self, job: ProvisionerJobId) {
        let mut tx = self.live.server.begin().await.unwrap();
        let now = self.live.server.state.deps.now();
        assert!(tx.provisioner_jobs().cancel(job, now).await.unwrap());
        tx.commit().await.unwrap();
    }
}

// `DaemonApi` in process, and `DaemonClient` over a WebSocket to it.
coder_provisioner::daemon_api_conformance!(in_process, OneDaemon::in_process());
coder_provisioner::daemon_api_conformance!(connected, OneDaemon::connected());

/// The largest archive that may be uploaded; the daemon shows signs of life while it comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_of_100_mib_arrives_between_signs_of_life() {
    let fixture = OneDaemon::connected().await;
    let archive = fixture.post(100 * 1024 * 1024 - 2048).await;
    assert!(archive.len() > 104_000_000 && archive.len() <= MAX_ARCHIVE_BYTES);
    let (begun, cancel) = (Instant::now(), CancellationToken::new());
    let acquiring = fixture.api.acquire_job(&cancel);
    tokio::pin!(acquiring);
    let mut beats = tokio::time::interval(Duration::from_millis(50));
    let mut slowest = Duration::ZERO;
    let job = loop {
        let beat = async {
            beats.tick().await;
            let asked = Instant::now();
            fixture.api.heartbeat().await.map(|()| asked.elapsed())
        };
        tokio::select! {
            job = &mut acquiring => break job.unwrap().unwrap(),
            took = beat => slowest = slowest.max(took.unwrap()),
        }
    };
    let took = begun.elapsed();
    assert!(job.template_archive == archive);
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    let update = UpdateJob::new(job.job_id, job.lease);
    fixture.api.update_job(update).await.unwrap();
    eprintln!("100 MiB in {took:?}, the slowest heartbeat {slowest:?}");
}

/// What the server says to a daemon that may not join.
async fn refusal(request: &JoinRequest) -> String {
    let client = client(request);
    let refused = timeout(Duration::from_secs(10), client.refused()).await;
    refused.expect("the daemon is refused")
}

#[tokio::test]
async fn who_may_not_join_is_told_why() {
    let live = live().await;
    let psk = || Credential::Psk(Secret::new(PSK));
    let wrong = refusal(&request(&live, Credential::Psk(Secret::new("wrong")))).await;
    assert!(wrong.contains("pre-shared key"), "{wrong}");
    let wrong = refusal(&request(&live, Credential::Key(Secret::new("wrong")))).await;
    assert!(wrong.contains("provisioner key"), "{wrong}");
    let mut bad = request(&live, psk());
    bad.name = "a b".to_owned();
    let wrong = refusal(&bad).await;
    assert!(wrong.contains("name"), "{wrong}");
    let mut personal = request(&live, psk());
    personal.tags.insert("scope".to_owned(), "user".to_owned());
    let wrong = refusal(&personal).await;
    assert!(wrong.contains("tag"), "{wrong}");

    let member = live.server.person("ann", &[]).await;
    let session = Credential::Session(Secret::new(&member.token));
    let mut asked = request(&live, session);
    let wrong = refusal(&asked).await;
    assert!(wrong.contains("scope=user"), "{wrong}");
    // For their own jobs everyone may.
    asked.tags.insert("scope".to_owned(), "user".to_owned());
    client(&asked).heartbeat().await.unwrap();

    let made = "/api/v2/organizations/default/provisionerkeys";
    let admin = live.server.person("admin", &["owner"]).await;
    let key = live.server.post(made, &admin, json!({ "name": "rack" }));
    let key = key.await.expect(201)["key"].as_str().unwrap().to_owned();
    let mut tagged = request(&live, Credential::Key(Secret::new(key)));
    tagged.tags.insert("gpu".to_owned(), "yes".to_owned());
    let wrong = refusal(&tagged).await;
    assert!(wrong.contains("key's tags"), "{wrong}");
}

#[tokio::test]
async fn another_major_version_is_refused() {
    let live = live().await;
    let admin = live.server.person("admin", &["owner"]).await;
    let path = format!("{SERVE}?name=a&provisioner=echo&version=9.3");
    let answer = live.server.get(&path, &admin).await;
    assert_eq!((answer.expect(400), answer.field()).1, "version");
    let detail = answer.json()["validations"][0]["detail"].clone();
    let detail = detail.as_str().unwrap();
    assert!(detail.contains("9.3") && detail.contains(PROTOCOL_VERSION));
    assert!(detail.contains("update the server"), "{detail}");
}

#[tokio::test]
async fn a_suspended_user_and_a_deleted_key_end_their_daemons() {
    let live = live().await;
    let admin = live.server.first_user().await;
    let builder = live.server.person("builder", &["template-admin"]).await;
    let session = Credential::Session(Secret::new(&builder.token));
    let joined = client(&request(&live, session));
    joined.heartbeat().await.unwrap();
    let suspend = "/api/v2/users/builder/status/suspend";
    live.server
        .put(suspend, &admin, json!({}))
        .await
        .expect(200);
    let reason = timeout(Duration::from_secs(5), joined.refused()).await;
    assert!(reason.expect("in 5 s").contains("session"));

    let keys = "/api/v2/organizations/default/provisionerkeys";
    let key = live
        .server
        .post(keys, &admin, json!({ "name": "rack" }))
        .await;
    let key = key.expect(201)["key"].as_str().unwrap().to_owned();
    let mut with_key = request(&live, Credential::Key(Secret::new(key)));
    with_key.name = "rack-2".to_owned();
    let joined = client(&with_key);
    joined.heartbeat().await.unwrap();
    let deleted = live.server.delete(&format!("{keys}/rack"), &admin).await;
    assert!(deleted.status.is_success());
    let reason = timeout(Duration::from_secs(5), joined.refused()).await;
    assert!(reason.expect("in 5 s").contains("deleted"));
    let error = joined.heartbeat().await.unwrap_err();
    assert_eq!(error.kind(), coder_provisioner::ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn a_daemon_whose_key_was_deleted_comes_back_to_end_its_job() {
    let live = live().await;
    let keeper = live.server.person("keeper", &["owner"]).await;
    let keys = "/api/v2/organizations/default/provisionerkeys";
    let made = live.server.post(keys, &keeper, json!({ "name": "rack" }));
    let key = made.await.expect(201)["key"].as_str().unwrap().to_owned();
    let with_key = request(&live, Credential::Key(Secret::new(key)));
    let first = client(&with_key);
    first.heartbeat().await.unwrap();
    let fixture = OneDaemon::new(live, Arc::new(first)).await;
    fixture.post(10).await;
    let cancel = CancellationToken::new();
    let job = fixture.api.acquire_job(&cancel).await.unwrap().unwrap();
    let OneDaemon {
        live, admin, api, ..
    } = fixture;
    let path = format!("{keys}/rack");
    assert!(live.server.delete(&path, &admin).await.status.is_success());
    // The connection is lost before the job has ended.
    drop(api);
    let again = client(&with_key);
    again.heartbeat().await.unwrap();
    let update = UpdateJob::new(job.job_id, job.lease);
    again.update_job(update).await.unwrap();
    let failed = FailedJob::new(job.job_id, job.lease, "no");
    again.fail_job(failed).await.unwrap();
    let reason = timeout(Duration::from_secs(5), again.refused()).await;
    assert!(reason.expect("in 5 s").contains("deleted"));
    let wrong = refusal(&with_key).await;
    assert!(wrong.contains("provisioner key"), "{wrong}");
}

/// The real daemon over the connection: several builds at once in one process.
#[tokio::test]
async fn a_daemon_elsewhere_builds() {
    let live = live().await;
    let admin = live.server.first_user().await;
    let api = Arc::new(client(&request(&live, Credential::Psk(Secret::new(PSK)))));
    let echo: Arc<dyn Provisioner> = Arc::new(EchoProvisioner::new());
    let provisioners = BTreeMap::from([(ProvisionerType::Echo, echo)]);
    let daemon = Daemon::new(DaemonOptions::default(), api, provisioners);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { daemon.run(stop).await }
    });
    let template = live.template(&admin, "echo", &EchoScript::default()).await;
    let mut workspaces = Vec::new();
    for name in ["one", "two", "three"] {
        let made = live.create(&admin, &template, name).await;
        workspaces.push(made["id"].as_str().unwrap().to_owned());
    }
    for id in &workspaces {
        live.until(&admin, id, "running").await;
    }
    let path = "/api/v2/organizations/default/provisionerdaemons";
    let daemons = live.server.get(path, &admin).await.expect(200);
    assert_eq!(daemons[0]["name"], "rack-1");
    assert_eq!(daemons[0]["key_name"], "psk");
    assert_eq!(daemons[0]["version"], "v1");
    stop.cancel();
    timeout(Duration::from_secs(20), running)
        .await
        .unwrap()
        .unwrap();
}

/// A job that is claimed for a connection which is gone waits again.
#[tokio::test]
async fn a_job_that_did_not_arrive_goes_to_another_daemon() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};
    let fixture = OneDaemon::connected().await;
    let url = format!(
        "ws://{}{SERVE}?name=lossy&provisioner=echo&version=1.0",
        fixture.live.address
    );
    let mut handshake = url.into_client_request().unwrap();
    let headers = handshake.headers_mut();
    headers.insert("coder-provisioner-daemon-psk", PSK.parse().unwrap());
    let stream = tokio::net::TcpStream::connect(fixture.live.address)
        .await
        .unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(handshake, stream)
        .await
        .unwrap();
    let call = r#"{"id":1,"call":"acquire_job"}"#;
    socket.send(Message::text(call)).await.unwrap();
    fixture.post(10).await;
    let answer = loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => break text,
            _ => continue,
        }
    };
    assert!(answer.contains("template_version_import"), "{answer}");
    drop(socket);
    let again = eventually("the job waits again", || async {
        let cancel = CancellationToken::new();
        fixture.api.acquire_job(&cancel).await.unwrap()
    });
    let job = again.await;
    assert!(answer.contains(&job.job_id.to_string()));
}

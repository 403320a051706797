//! Template versions: pushed, imported, followed, promoted, archived.

use super::harness::{Person, TestServer};
use coder_core::{
    event::Event,
    id::ProvisionerJobId,
    provisioner_job::{JobLog, LogLevel, LogSource},
    store::JobEnd,
};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

async fn push(server: &TestServer, person: &Person, mut change: Value) -> Value {
    // Versions are listed by the time at which they were pushed.
    server.clock.advance(Duration::from_secs(1));
    let file = server.upload(person, "# template").await;
    let body = json!({
        "storage_method": "file", "file_id": file, "provisioner": "echo", "tags": {},
    });
    let mut body = body.as_object().unwrap().clone();
    body.append(change.as_object_mut().unwrap());
    let path = "/api/v2/organizations/default/templateversions";
    server
        .post(path, person, Value::Object(body))
        .await
        .expect(201)
}

fn job_of(version: &Value) -> ProvisionerJobId {
    version["job"]["id"].as_str().unwrap().parse().unwrap()
}

async fn finish(server: &TestServer, version: &Value, error: Option<&str>) {
    let job_id = job_of(version);
    let end = JobEnd {
        error: error.map(str::to_owned),
        ..JobEnd::default()
    };
    let mut tx = server.begin().await.unwrap();
    let now = server.state.deps.now();
    assert!(
        tx.provisioner_jobs()
            .finish(job_id, None, &end, now)
            .await
            .unwrap()
    );
    tx.publish(Event::JobUpdated { job_id }).await.unwrap();
    tx.commit().await.unwrap();
}

async fn log(server: &TestServer, version: &Value, output: &str) {
    let job_id = job_of(version);
    let line = JobLog {
        id: 0,
        created_at: server.state.deps.now(),
        source: LogSource::Provisioner,
        level: LogLevel::Info,
        stage: "Planning".to_owned(),
        output: output.to_owned(),
    };
    let mut tx = server.begin().await.unwrap();
    tx.provisioner_jobs()
        .append_logs(job_id, &[line])
        .await
        .unwrap();
    tx.publish(Event::JobLogs { job_id }).await.unwrap();
    tx.commit().await.unwrap();
}

fn path_of(version: &Value, rest: &str) -> String {
    format!(
        "/api/v2/templateversions/{}{rest}",
        version["id"].as_str().unwrap()
    )
}

#[tokio::test]
async fn a_version_becomes_a_template() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["template-admin"]).await;
    let first = push(&server, &admin, json!({ "name": "v1" })).await;
    assert_eq!(
        (&first["job"]["status"], &first["job"]["queue_position"]),
        (&json!("pending"), &json!(1))
    );
    assert_eq!(first["matched_provisioners"]["count"], 0);
    let templates = "/api/v2/organizations/default/templates";
    let new = json!({ "name": "docker", "template_version_id": first["id"] });
    assert_eq!(
        server.post(templates, &admin, new.clone()).await.status,
        412
    );
    assert_eq!(
        server
            .get(&path_of(&first, "/rich-parameters"), &admin)
            .await
            .status,
        412
    );
    finish(&server, &first, None).await;
    let template = server
        .post(templates, &admin, new.clone())
        .await
        .expect(200);
    assert_eq!(template["active_version_id"], first["id"]);
    let again = push(&server, &admin, json!({})).await;
    finish(&server, &again, None).await;
    let new = json!({ "name": "Docker", "template_version_id": again["id"] });
    let taken = server.post(templates, &admin, new).await;
    assert_eq!(
        (taken.status.as_u16(), taken.field().as_str()),
        (409, "name")
    );
    for rest in [
        "/rich-parameters",
        "/variables",
        "/presets",
        "/resources",
        "/schema",
    ] {
        assert_eq!(
            server.get(&path_of(&first, rest), &admin).await.expect(200),
            json!([])
        );
    }

    let template = template["id"].as_str().unwrap();
    let second = push(
        &server,
        &admin,
        json!({ "name": "v2", "template_id": template }),
    )
    .await;
    let versions = format!("/api/v2/templates/{template}/versions");
    let listed = server.get(&versions, &admin).await.expect(200);
    assert_eq!(
        (&listed[0]["name"], &listed[1]["name"]),
        (&json!("v2"), &json!("v1"))
    );
    let promote = json!({ "id": second["id"] });
    assert_eq!(
        server
            .patch(&versions, &admin, promote.clone())
            .await
            .status,
        412
    );
    finish(&server, &second, None).await;
    server.patch(&versions, &admin, promote).await.expect(200);
    let named = "/api/v2/organizations/default/templates/docker/versions";
    let found = server.get(&format!("{named}/V2"), &admin).await.expect(200);
    assert_eq!(found["id"], second["id"]);
    let previous = server
        .get(&format!("{named}/v2/previous"), &admin)
        .await
        .expect(200);
    assert_eq!(previous["id"], first["id"]);
    assert_eq!(
        server
            .get(&format!("{named}/v1/previous"), &admin)
            .await
            .status,
        204
    );

    let archive = path_of(&second, "/archive");
    assert_eq!(server.post(&archive, &admin, json!({})).await.status, 400);
    let all = server
        .post(
            &format!("{versions}/archive"),
            &admin,
            json!({ "all": true }),
        )
        .await;
    assert_eq!(all.expect(200)["archived_ids"], json!([first["id"]]));
    assert_eq!(
        server
            .get(&versions, &admin)
            .await
            .expect(200)
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let everything = format!("{versions}?include_archived=true");
    assert_eq!(
        server
            .get(&everything, &admin)
            .await
            .expect(200)
            .as_array()
            .unwrap()
            .len(),
        2
    );
    server
        .post(&path_of(&first, "/unarchive"), &admin, json!({}))
        .await
        .expect(200);
    let taken = json!({ "name": "V1" });
    let taken = server.patch(&path_of(&second, ""), &admin, taken).await;
    assert_eq!(
        (taken.status.as_u16(), taken.field().as_str()),
        (409, "name")
    );

    let template = format!("/api/v2/templates/{template}");
    server.delete(&template, &admin).await.expect(200);
    assert_eq!(server.get(&template, &admin).await.status, 404);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["template-admin"]).await;
    let member = server.person("member", &[]).await;
    let theirs = server.upload(&member, "# theirs").await;
    let path = "/api/v2/organizations/default/templateversions";
    let file = server.upload(&admin, "# template").await;
    for (field, value) in [
        ("name", json!("a..b")),
        ("storage_method", json!("s3")),
        ("provisioner", json!("pulumi")),
        ("file_id", json!("00000000-0000-0000-0000-000000000009")),
        ("tags", json!({ "a": "\n" })),
        ("user_variable_values", json!([{ "name": "", "value": "" }])),
    ] {
        let mut body = json!({ "storage_method": "file", "file_id": file, "provisioner": "echo" });
        body[field] = value;
        let answer = server.post(path, &admin, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.field().as_str()),
            (400, field)
        );
    }
    let body = json!({ "storage_method": "file", "file_id": theirs, "provisioner": "echo" });
    assert_eq!(server.post(path, &member, body).await.status, 404);
}

#[tokio::test]
async fn an_import_is_cancelled_once() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["template-admin"]).await;
    let version = push(&server, &admin, json!({})).await;
    let cancel = path_of(&version, "/cancel");
    server.patch(&cancel, &admin, json!({})).await.expect(200);
    let found = server.get(&path_of(&version, ""), &admin).await.expect(200);
    assert_eq!(found["job"]["status"], "canceled");
    assert_eq!(server.patch(&cancel, &admin, json!({})).await.status, 412);
}

#[tokio::test]
async fn logs_are_read_in_parts() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["template-admin"]).await;
    let version = push(&server, &admin, json!({})).await;
    for text in ["one", "two", "three"] {
        log(&server, &version, text).await;
    }
    let logs = path_of(&version, "/logs");
    let all = server.get(&logs, &admin).await.expect(200);
    assert_eq!(all.as_array().unwrap().len(), 3);
    let after = format!("{logs}?after={}&before={}", all[0]["id"], all[2]["id"]);
    let part = server.get(&after, &admin).await.expect(200);
    assert_eq!(
        (part.as_array().unwrap().len(), &part[0]["output"]),
        (1, &json!("two"))
    );
    let text = server.get(&format!("{logs}?format=text"), &admin).await;
    assert!(
        String::from_utf8(text.bytes)
            .unwrap()
            .contains("[info] [provisioner|Planning] three\n")
    );
    assert_eq!(
        server.get(&format!("{logs}?after=x"), &admin).await.field(),
        "after"
    );
    assert_eq!(
        server
            .get(&format!("{logs}?follow=true"), &admin)
            .await
            .status,
        400
    );
}

type Socket = WebSocketStream<TcpStream>;

/// Listens and follows a version's logs, from another site if one is named.
async fn follow(
    server: &TestServer,
    version: &Value,
    person: &Person,
    origin: Option<&str>,
) -> Result<Socket, tungstenite::Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = coder_server::http::router(server.state.clone());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let logs = path_of(version, "/logs");
    let url = format!(
        "ws://{address}{logs}?follow&coder_session_token={}",
        person.token
    );
    let mut request = url.into_client_request()?;
    if let Some(origin) = origin {
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    Ok(client_async(request, stream).await?.0)
}

/// The next text, or the code with which the server closes.
async fn next(socket: &mut Socket) -> Result<Value, u16> {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await;
        match message
            .expect("a message in time")
            .expect("no end without a close")
            .unwrap()
        {
            Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
            Message::Close(Some(frame)) => return Err(frame.code.into()),
            _ => {}
        }
    }
}

#[tokio::test]
async fn logs_are_followed_to_the_end() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["template-admin"]).await;
    let version = push(&server, &admin, json!({})).await;
    log(&server, &version, "before").await;
    let mut socket = follow(&server, &version, &admin, None).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap()["output"], "before");
    log(&server, &version, "while").await;
    assert_eq!(next(&mut socket).await.unwrap()["output"], "while");
    log(&server, &version, "last").await;
    finish(&server, &version, None).await;
    assert_eq!(next(&mut socket).await.unwrap()["output"], "last");
    assert_eq!(next(&mut socket).await, Err(1000));
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let server = TestServer::new().await;
    let owner = server.person("owner", &["owner"]).await;
    let admin = server.person("admin", &["template-admin"]).await;
    let version = push(&server, &admin, json!({})).await;
    log(&server, &version, "before").await;
    let mut socket = follow(&server, &version, &admin, None).await.unwrap();
    next(&mut socket).await.unwrap();
    let began = std::time::Instant::now();
    server
        .put("/api/v2/users/admin/status/suspend", &owner, json!({}))
        .await
        .expect(200);
    assert_eq!(next(&mut socket).await, Err(1008));
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn another_site_opens_no_stream() {
    let server = TestServer::new().await;
    let admin = server.person("admin", &["template-admin"]).await;
    let version = push(&server, &admin, json!({})).await;
    match follow(&server, &version, &admin, Some("https://evil.test")).await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 403),
        other => panic!("{other:?}"),
    }
}

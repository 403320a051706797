//! Terraform states that are replaced by hand, of any size.

use super::{
    harness::{Answer, Person},
    live::{Live, script},
};
use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Request;
use serde_json::json;

const TOKEN: &str = "7a1d6f2e-8a53-4b0e-9d0e-35a9b1c70002";
const MIB: usize = 1024 * 1024;

/// A workspace of ann's that runs, and its build.
struct Running {
    live: Live,
    admin: Person,
    ann: Person,
    workspace: String,
    build: String,
}

impl Running {
    async fn new() -> Self {
        let live = Live::new().await;
        let admin = live.server.person("admin", &["owner"]).await;
        let ann = live.server.person("ann", &[]).await;
        let template = live.template(&admin, "echo", &script(TOKEN)).await;
        let created = live.create(&ann, &template, "dev").await;
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let (workspace, build) = (text(&created["id"]), text(&created["latest_build"]["id"]));
        live.until(&ann, &workspace, "running").await;
        Self {
            live,
            admin,
            ann,
            workspace,
            build,
        }
    }

    fn path(&self) -> String {
        format!("/api/v2/workspacebuilds/{}/state", self.build)
    }

    /// Replaces the build's state.
    async fn push(&self, person: &Person, state: &[u8]) -> Answer {
        let body = json!({ "state": STANDARD.encode(state) });
        self.live.server.put(&self.path(), person, body).await
    }

    /// The build's state.
    async fn kept(&self) -> Vec<u8> {
        let path = self.path();
        self.live.server.get(&path, &self.admin).await.bytes
    }

    /// Starts the workspace from a state.
    async fn start(&self, person: &Person, state: &[u8]) -> Answer {
        let path = format!("/api/v2/workspaces/{}/builds", self.workspace);
        let body = json!({ "transition": "start", "state": STANDARD.encode(state) });
        self.live.server.post(&path, person, body).await
    }
}

#[tokio::test]
async fn a_large_state_is_taken_from_those_who_may() {
    let running = Running::new().await;
    let state: Vec<u8> = (0..5 * MIB)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    running.push(&running.admin, &state).await.expect(204);
    assert!(running.kept().await == state);
    running.start(&running.admin, &state).await.expect(201);
    let (live, workspace) = (&running.live, &running.workspace);
    live.until(&running.ann, workspace, "running").await;

    // The owner of the workspace is refused before it is read.
    for answer in [
        running.push(&running.ann, &state).await,
        running.start(&running.ann, &state).await,
    ] {
        answer.expect(413);
    }
    for answer in [
        running.push(&running.ann, b"small").await,
        running.start(&running.ann, b"small").await,
    ] {
        assert!([403, 404].contains(&answer.status.as_u16()));
    }
}

#[tokio::test]
async fn no_state_is_larger_than_daemons_take() {
    let running = Running::new().await;
    let largest = vec![b'x'; 64 * MIB];
    running.push(&running.admin, &largest).await.expect(204);
    assert!(running.kept().await == largest);

    let more = vec![b'x'; 64 * MIB + 1];
    let refused = running.push(&running.admin, &more).await.expect(413);
    assert!(refused["message"].as_str().unwrap().contains("67108864"));
    let request = Request::put(running.path())
        .header("coder-session-token", &running.admin.token)
        .body(Body::from(vec![b' '; 100 * MIB]));
    let answer = running.live.server.send(request.unwrap()).await;
    answer.expect(413);
}

#[tokio::test]
async fn what_is_no_base64_is_a_400_that_names_the_field() {
    let running = Running::new().await;
    let path = running.path();
    for body in [json!({ "state": "%" }), json!({ "state": 7 }), json!({})] {
        let answer = running.live.server.put(&path, &running.admin, body).await;
        answer.expect(400);
        assert_eq!(answer.field(), "state");
    }
}

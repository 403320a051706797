//! Agents that are known by their machine, with documents of clouds that the tests make up with openssl.

mod aws;
mod azure;
mod clouds;
mod google;
mod rules;

use super::{
    harness::{Answer, Person, TestServer},
    live::{Live, script},
};
use coder_provisioner::{echo::EchoScript, protocol::AgentAuth};
use coder_server::config::Config;
use serde_json::{Value, json};

/// A machine at Amazon.
const MACHINE: &str = "i-0123456789abcdef0";

/// A server that trusts the clouds of the tests, with a workspace on a machine.
struct World {
    live: Live,
    admin: Person,
    template: String,
    workspace: String,
}

impl World {
    async fn new(machine: &str, change: impl FnOnce(&mut Config)) -> Self {
        let server = TestServer::with_config(|config| {
            config.http.dangerous_disable_rate_limits = true;
            change(config);
        });
        let live = Live::serve(server.await).await;
        let admin = live.server.person("admin", &["owner"]).await;
        let template = live.template(&admin, "cloud", &on_machine(machine)).await;
        let workspace = start(&live, &admin, &template, "dev").await;
        Self {
            live,
            admin,
            template,
            workspace,
        }
    }

    async fn exchange(&self, cloud: &str, body: Value) -> Answer {
        let path = format!("/api/v2/workspaceagents/{cloud}-instance-identity");
        self.live.server.call("POST", &path, None, Some(body)).await
    }

    /// Exchanges a document, which must succeed, and answers the agent's token.
    async fn token(&self, cloud: &str, body: Value) -> String {
        let answer = self.exchange(cloud, body).await.expect(200);
        answer["session_token"].as_str().unwrap().to_owned()
    }

    /// Whether a token is an agent's.
    async fn works(&self, token: &str) -> bool {
        let path = "/api/v2/workspaceagents/me/manifest";
        let answer = self.live.server.call("GET", path, Some(token), None).await;
        answer.status == 200
    }
}

/// Creates a workspace and waits until it runs. Answers its id.
async fn start(live: &Live, person: &Person, template: &str, name: &str) -> String {
    let created = live.create(person, template, name).await;
    let id = created["id"].as_str().unwrap().to_owned();
    live.until(person, &id, "running").await;
    id
}

/// A script whose agent is known by its machine.
fn on_machine(machine: &str) -> EchoScript {
    let mut script = script("");
    let agent = &mut script.plan.start_resources[0].agents[0];
    agent.auth = AgentAuth::InstanceId(machine.to_owned());
    script
}

#[track_caller]
fn refused(answer: &Answer, words: &str) {
    let message = answer.expect(401)["message"].as_str().unwrap().to_owned();
    assert!(message.contains(words), "{message}");
}

fn aws(signature: &str, document: &str) -> Value {
    json!({ "signature": signature, "document": document })
}

//! A server in process and people who use it.

use axum::{Router, body::Body};
use coder_core::{
    clock::{Clock, ManualClock, SystemClock},
    event::PubSub,
    id::{OrganizationId, UserId},
    organization::OrganizationMember,
    secret::Secret,
    service::{Deps, organizations, sessions},
    store::{MemoryStore, Store, StoreResult, Transaction},
    user::{LoginType, User, UserStatus},
};
use coder_server::{app_state::AppState, config::Config, http::router};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt as _;

/// A password that the policy accepts.
pub(crate) const PASSWORD: &str = "SomeSecurePassword!";

/// A server in process.
pub(crate) struct TestServer {
    pub(crate) state: AppState,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) organization: OrganizationId,
    router: Router,
}

/// Someone with a session.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) token: String,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The name of the first refused field.
    pub(crate) fn field(&self) -> String {
        self.json()["validations"][0]["field"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Checks the status and gives the JSON.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{}",
            String::from_utf8_lossy(&self.bytes)
        );
        self.json()
    }
}

impl TestServer {
    /// With a store in memory and no rate limits.
    pub(crate) async fn new() -> Self {
        Self::with_config(|config| config.http.dangerous_disable_rate_limits = true).await
    }

    /// With a store in memory and changed options.
    pub(crate) async fn with_config(change: impl FnOnce(&mut Config)) -> Self {
        let store = Arc::new(MemoryStore::new());
        Self::on(store.clone(), store, change).await
    }

    /// On a store.
    pub(crate) async fn on(
        store: Arc<dyn Store>,
        pubsub: Arc<dyn PubSub>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let mut deps = Deps::new(store, pubsub);
        deps.clock = clock.clone();
        let organization = organizations::ensure_default_organization(&deps)
            .await
            .unwrap()
            .id;
        let mut config = Config::defaults().unwrap();
        change(&mut config);
        let state = AppState::new(
            deps,
            config,
            prometheus_client::registry::Registry::default(),
        );
        let state = state.unwrap();
        Self {
            router: router(state.clone()),
            state,
            clock,
            organization,
        }
    }

    /// Another server on the same store, as after a new start.
    pub(crate) async fn restarted(self) -> Self {
        let deps = self.state.deps;
        let config = (*self.state.config).clone();
        let state = AppState::new(
            deps,
            config,
            prometheus_client::registry::Registry::default(),
        );
        let state = state.unwrap();
        Self {
            router: router(state.clone()),
            state,
            clock: self.clock,
            organization: self.organization,
        }
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes,
        }
    }

    /// Sends a request, with JSON and as someone, or without.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method.parse::<Method>().unwrap())
            .uri(path)
            .header("host", "coder.test");
        if let Some(token) = token {
            request = request.header("coder-session-token", token);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(
            request
                .header("content-type", "application/json")
                .body(body)
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn get(&self, path: &str, person: &Person) -> Answer {
        self.call("GET", path, Some(&person.token), None).await
    }

    pub(crate) async fn post(&self, path: &str, person: &Person, body: Value) -> Answer {
        self.call("POST", path, Some(&person.token), Some(body))
            .await
    }

    pub(crate) async fn put(&self, path: &str, person: &Person, body: Value) -> Answer {
        self.call("PUT", path, Some(&person.token), Some(body))
            .await
    }

    pub(crate) async fn patch(&self, path: &str, person: &Person, body: Value) -> Answer {
        self.call("PATCH", path, Some(&person.token), Some(body))
            .await
    }

    pub(crate) async fn delete(&self, path: &str, person: &Person) -> Answer {
        self.call("DELETE", path, Some(&person.token), None).await
    }

    /// Sets the deployment up over the API.
    pub(crate) async fn first_user(&self) -> Person {
        let body = json!({
            "email": "admin@example.com", "username": "admin", "password": PASSWORD,
        });
        let made = self
            .call("POST", "/api/v2/users/first", None, Some(body))
            .await
            .expect(201);
        let id = made["user_id"].as_str().unwrap().parse().unwrap();
        let token = self.login("admin@example.com", PASSWORD).await.expect(201);
        let token = token["session_token"].as_str().unwrap().to_owned();
        Person {
            id,
            name: "admin".to_owned(),
            token,
        }
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.call("POST", "/api/v2/users/login", None, Some(body))
            .await
    }

    /// A member of the default organization with site roles, made in the store: no hash is computed.
    pub(crate) async fn person(&self, name: &str, roles: &[&str]) -> Person {
        self.person_in(name, roles, &[(self.organization, &[])])
            .await
    }

    /// Someone with site roles and memberships.
    pub(crate) async fn person_in(
        &self,
        name: &str,
        roles: &[&str],
        organizations: &[(OrganizationId, &[&str])],
    ) -> Person {
        let deps = &self.state.deps;
        let now = deps.now();
        let owned = |roles: &[&str]| {
            roles
                .iter()
                .map(|&role| role.to_owned())
                .collect::<Vec<_>>()
        };
        let user = User {
            id: UserId::generate(&*deps.entropy),
            email: format!("{name}@example.com"),
            username: name.to_owned(),
            name: String::new(),
            avatar_url: String::new(),
            password_hash: Some(Secret::new("$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA")),
            created_at: now,
            updated_at: now,
            last_seen_at: None,
            status: UserStatus::Active,
            login_type: LoginType::Password,
            roles: owned(roles),
            deleted: false,
        };
        let mut tx = deps.begin().await.unwrap();
        tx.users().insert(&user).await.unwrap();
        for (organization_id, roles) in organizations {
            let member = OrganizationMember {
                organization_id: *organization_id,
                user_id: user.id,
                roles: owned(roles),
                created_at: now,
                updated_at: now,
            };
            tx.organizations().insert_member(&member).await.unwrap();
        }
        let day = chrono::TimeDelta::days(1);
        let token =
            sessions::create_session(deps, &mut *tx, user.id, LoginType::Password, day).await;
        tx.commit().await.unwrap();
        let token = token.unwrap().expose().to_owned();
        Person {
            id: user.id,
            name: name.to_owned(),
            token,
        }
    }

    /// Opens a transaction, for what has no endpoint.
    pub(crate) async fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        self.state.deps.store.begin().await
    }

    /// Uploads a tar archive with one file and answers its id.
    pub(crate) async fn upload(&self, person: &Person, text: &str) -> String {
        let answer = self
            .upload_bytes(person, "application/x-tar", tar(&[("main.tf", text)]))
            .await;
        answer.json()["hash"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) async fn upload_bytes(&self, person: &Person, kind: &str, bytes: Vec<u8>) -> Answer {
        let request = Request::post("/api/v2/files")
            .header("coder-session-token", &person.token)
            .header("content-type", kind)
            .body(Body::from(bytes));
        self.send(request.unwrap()).await
    }
}

/// A tar archive of text files.
pub(crate) fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

//! Tokens of Google.

use super::{World, clouds::Cloud, refused};
use axum::{Router, extract::State, routing::get};
use coder_core::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const MACHINE: &str = "2934757634895";

/// Publishes keys and counts how often they are fetched; `None` for a service that is down.
#[derive(Default)]
struct Published {
    keys: Mutex<Option<Vec<Value>>>,
    fetched: Mutex<usize>,
}

struct Google {
    cloud: Cloud,
    published: Arc<Published>,
    world: World,
}

async fn serve(
    State(published): State<Arc<Published>>,
) -> Result<([(&'static str, &'static str); 1], String), http::StatusCode> {
    *published.fetched.lock().unwrap() += 1;
    let keys = published.keys.lock().unwrap().clone();
    let keys = keys.ok_or(http::StatusCode::SERVICE_UNAVAILABLE)?;
    let body = json!({ "keys": keys }).to_string();
    Ok(([("cache-control", "public, max-age=3600")], body))
}

impl Google {
    async fn new() -> Self {
        let published = Arc::new(Published::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/certs", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/certs", get(serve))
            .with_state(Arc::clone(&published));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let world = World::new(MACHINE, |config| {
            config.identity.google_instance_identity_keys_url = url.parse().unwrap();
        });
        Self {
            cloud: Cloud::new(),
            published,
            world: world.await,
        }
    }

    /// Makes a key and publishes it, beside those before.
    fn key(&self, name: &str) -> EncodingKey {
        let key = EncodingKey::from_rsa_der(&self.cloud.rsa_key(name));
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
        jwk.common.key_id = Some(name.to_owned());
        let jwk = serde_json::to_value(jwk).unwrap();
        self.published
            .keys
            .lock()
            .unwrap()
            .get_or_insert_default()
            .push(jwk);
        key
    }

    fn now(&self) -> Timestamp {
        self.world.live.server.state.deps.now()
    }

    fn fetched(&self) -> usize {
        *self.published.fetched.lock().unwrap()
    }

    fn claims(&self) -> Value {
        json!({
            "aud": "coder",
            "azp": "1234",
            "iss": "https://accounts.google.com",
            "sub": "1234",
            "iat": self.now().timestamp(),
            "exp": self.now().timestamp() + 3_600,
            "google": { "compute_engine": {
                "instance_id": MACHINE, "instance_name": "dev", "project_id": "p", "zone": "z",
            } },
        })
    }

    async fn exchange(&self, token: &str) -> super::Answer {
        let body = json!({ "json_web_token": token });
        self.world.exchange("google", body).await
    }
}

fn signed(key: &EncodingKey, name: &str, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(name.to_owned());
    encode(&header, claims, key).unwrap()
}

#[tokio::test]
async fn a_signed_token_gives_the_agents_token_once() {
    let google = Google::new().await;
    let key = google.key("one");
    let token = signed(&key, "one", &google.claims());
    let body = json!({ "json_web_token": token });
    let given = google.world.token("google", body).await;
    assert!(google.world.works(&given).await);
    refused(&google.exchange(&token).await, "used before");
    google
        .world
        .live
        .server
        .clock
        .advance(Duration::from_secs(1));
    google
        .exchange(&signed(&key, "one", &google.claims()))
        .await
        .expect(200);
    assert_eq!(google.fetched(), 1, "keys are kept");
}

#[tokio::test]
async fn tokens_for_others_and_of_others_are_refused() {
    let google = Google::new().await;
    let key = google.key("one");
    let stranger = EncodingKey::from_rsa_der(&google.cloud.rsa_key("stranger"));
    let now = google.now().timestamp();
    let with = |name: &str, value: Value| {
        let mut claims = google.claims();
        claims[name] = value;
        claims
    };
    for (claims, words) in [
        (with("aud", json!("other")), "InvalidAudience"),
        (with("aud", Value::Null), "signature"),
        (
            with("iss", json!("https://accounts.example.com")),
            "InvalidIssuer",
        ),
        (with("exp", json!(now)), "expired"),
        (with("exp", json!(now + 30 * 86_400)), "too long"),
        (with("iat", json!(now + 600)), "future"),
        (with("google", Value::Null), "format full"),
        (
            with("google", json!({ "compute_engine": { "instance_id": "" } })),
            "no machine",
        ),
        (
            with(
                "google",
                json!({ "compute_engine": { "instance_id": "1" } }),
            ),
            "No workspace",
        ),
    ] {
        refused(&google.exchange(&signed(&key, "one", &claims)).await, words);
    }
    let claims = google.claims();
    refused(
        &google.exchange(&signed(&stranger, "one", &claims)).await,
        "InvalidSignature",
    );
    refused(
        &google.exchange(&signed(&stranger, "two", &claims)).await,
        "no such key",
    );
    let good = signed(&key, "one", &claims);
    let touched = good.replace('.', ".A").replacen(".A", ".", 1);
    refused(&google.exchange(&touched).await, "signature");
    for odd in ["", "a.b.c", "a"] {
        refused(&google.exchange(odd).await, "not one of this cloud");
    }
    // The public key is no secret: it must not serve as one.
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("one".to_owned());
    let public = google.published.keys.lock().unwrap().clone().unwrap()[0]["n"].clone();
    let secret = EncodingKey::from_secret(public.as_str().unwrap().as_bytes());
    refused(
        &google
            .exchange(&encode(&header, &claims, &secret).unwrap())
            .await,
        "RS256",
    );
    google.exchange(&good).await.expect(200);
}

#[tokio::test]
async fn keys_are_fetched_again_when_they_changed() {
    let google = Google::new().await;
    let first = google.key("one");
    let answer = google
        .exchange(&signed(&first, "one", &google.claims()))
        .await;
    answer.expect(200);
    let clock = &google.world.live.server.clock;
    clock.advance(Duration::from_secs(10));
    let second = google.key("two");
    // Tokens that name unknown keys do not make us ask all the time.
    let token = signed(&second, "two", &google.claims());
    refused(&google.exchange(&token).await, "no such key");
    assert_eq!(google.fetched(), 1);
    clock.advance(Duration::from_secs(60));
    google
        .exchange(&signed(&second, "two", &google.claims()))
        .await
        .expect(200);
    assert_eq!(google.fetched(), 2);
    clock.advance(Duration::from_secs(3_601));
    google
        .exchange(&signed(&second, "two", &google.claims()))
        .await
        .expect(200);
    assert_eq!(google.fetched(), 3, "their age is over");
}

#[tokio::test]
async fn without_keys_nothing_is_decided() {
    let google = Google::new().await;
    let key = EncodingKey::from_rsa_der(&google.cloud.rsa_key("one"));
    let token = signed(&key, "one", &google.claims());
    let answer = google.exchange(&token).await.expect(503);
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("cannot be fetched"),
        "{answer}"
    );
    // Whoever asks does not wait for a service that is known to be down, and is served soon after it is back.
    google.exchange(&token).await.expect(503);
    assert_eq!(google.fetched(), 1);
    let key = google.key("two");
    google
        .world
        .live
        .server
        .clock
        .advance(Duration::from_secs(5));
    let token = signed(&key, "two", &google.claims());
    google.exchange(&token).await.expect(200);
    assert_eq!(google.fetched(), 2);
}

//! Keys as clients see them.

use crate::{app_state::AppState, config::HttpConfig};
use chrono::{DateTime, Utc};
use coder_core::{
    api_key,
    rbac::{SCOPE_ALL, SCOPE_APPLICATION_CONNECT},
    secret::Secret,
    service::keys::TokenLifetimes,
    user::LoginType,
};
use uuid::Uuid;

/// A session key or a token, without its secret.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = APIKey)]
pub(crate) struct ApiKey {
    id: String,
    user_id: Uuid,
    last_used: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[schema(value_type = String)]
    login_type: LoginType,
    /// `all` or `application_connect`, for older clients.
    scope: &'static str,
    scopes: Vec<String>,
    token_name: String,
    lifetime_seconds: i64,
    /// Objects that it is restricted to; always everything.
    allow_list: Vec<AllowListTarget>,
}

/// An object that a key is restricted to; `*` stands for all.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = APIAllowListTarget)]
pub(crate) struct AllowListTarget {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'static str,
}

impl From<api_key::ApiKey> for ApiKey {
    fn from(key: api_key::ApiKey) -> Self {
        let connect_only = key
            .scopes
            .iter()
            .all(|scope| scope == SCOPE_APPLICATION_CONNECT)
            && !key.scopes.iter().any(|scope| scope == SCOPE_ALL);
        Self {
            id: key.id,
            user_id: key.user_id.into(),
            last_used: key.last_used,
            expires_at: key.expires_at,
            created_at: key.created_at,
            updated_at: key.updated_at,
            login_type: key.login_type,
            scope: if connect_only {
                "application_connect"
            } else {
                "all"
            },
            scopes: key.scopes,
            token_name: key.token_name,
            lifetime_seconds: key.lifetime_seconds,
            allow_list: vec![AllowListTarget { kind: "*", id: "*" }],
        }
    }
}

/// The text of a new key, shown once.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = GenerateAPIKeyResponse)]
pub(crate) struct GenerateApiKeyResponse {
    #[schema(value_type = String)]
    pub(crate) key: Secret,
}

/// How long tokens may work, by the options of the server.
pub(crate) fn lifetimes(state: &AppState) -> TokenLifetimes {
    let http: &HttpConfig = &state.config.http;
    TokenLifetimes {
        default: http.default_token_lifetime,
        max: http.max_token_lifetime,
        max_admin: http.max_admin_token_lifetime,
    }
}

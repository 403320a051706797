//! Which provisioner key asks.

use super::Auth;
use crate::{app_state::AppState, http::error::ApiError};
use axum::extract::FromRequestParts;
use coder_core::{
    Error, ErrorKind,
    provisioner_key::ProvisionerKey,
    secret::TokenHash,
    service::{jobs::Claim, provisioner_keys::ProvisionerKeys, sessions::Session},
};
use http::request::Parts;
use std::sync::Arc;

/// The header with the secret of a provisioner key.
pub const PROVISIONER_KEY_HEADER: &str = "coder-provisioner-daemon-key";

/// A provisioner key. Credentials of users and agents are refused, and without a key the request is
/// refused with 401 before anything else is looked at, so it stands first among a handler's arguments.
#[derive(Clone, Debug)]
pub struct ProvisionerAuth(pub ProvisionerKey);

impl FromRequestParts<AppState> for ProvisionerAuth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let keys = ProvisionerKeys::new(state.deps.clone());
        Ok(Self(keys.authenticate(secret(parts)).await?))
    }
}

fn secret(parts: &Parts) -> &str {
    let header = parts.headers.get(PROVISIONER_KEY_HEADER);
    header
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The header with the deployment's pre-shared key for daemons.
pub const PROVISIONER_PSK_HEADER: &str = "coder-provisioner-daemon-psk";

/// What a daemon proves that it may join with, the first of these that the request has. Without one it is
/// refused with 401 before anything else is looked at.
#[derive(Clone, Debug)]
pub enum DaemonAuth {
    /// A provisioner key; when it was deleted, with the jobs that its daemons still run.
    Key(ProvisionerKey, Vec<Claim>),
    /// The deployment's pre-shared key.
    Psk,
    /// A user's session.
    User(Arc<Session>),
}

impl FromRequestParts<AppState> for DaemonAuth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if parts.headers.contains_key(PROVISIONER_KEY_HEADER) {
            let keys = ProvisionerKeys::new(state.deps.clone());
            let (key, running) = keys.authenticate_daemon(secret(parts)).await?;
            return Ok(Self::Key(key, running));
        }
        if let Some(given) = parts.headers.get(PROVISIONER_PSK_HEADER) {
            let psk = &state.config.provisioner.provisioner_daemon_psk;
            let psk = psk.as_ref().filter(|psk| !psk.expose().is_empty());
            // Hashes, so that the time says nothing of the secret, its length included.
            let same = psk
                .zip(given.to_str().ok())
                .is_some_and(|(psk, given)| TokenHash::of(psk.expose()) == TokenHash::of(given));
            if same {
                return Ok(Self::Psk);
            }
            let message = "The pre-shared key is not this deployment's, or it has none.";
            return Err(Error::new(ErrorKind::Unauthenticated, message).into());
        }
        let user = Auth::from_request_parts(parts, state).await?;
        Ok(Self::User(user.0))
    }
}

//! Which provisioner key asks.

use crate::{app_state::AppState, http::error::ApiError};
use axum::extract::FromRequestParts;
use coder_core::{provisioner_key::ProvisionerKey, service::provisioner_keys::ProvisionerKeys};
use http::request::Parts;

/// The header with the secret of a provisioner key.
pub const PROVISIONER_KEY_HEADER: &str = "coder-provisioner-daemon-key";

/// A provisioner key. Credentials of users and agents are refused, and without a key the request is
/// refused with 401 before anything else is looked at, so it stands first among a handler's arguments.
#[derive(Clone, Debug)]
pub struct ProvisionerAuth(pub ProvisionerKey);

impl FromRequestParts<AppState> for ProvisionerAuth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let header = parts.headers.get(PROVISIONER_KEY_HEADER);
        let secret = header
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let keys = ProvisionerKeys::new(state.deps.clone());
        Ok(Self(keys.authenticate(secret).await?))
    }
}

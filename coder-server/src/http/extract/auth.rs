//! Who asks.

use crate::http::{
    error::ApiError,
    middleware::{Identity, RequestContext},
};
use axum::extract::FromRequestParts;
use coder_core::{
    Error, ErrorKind, id::UserId, rbac::Subject, service::sessions::Session, store::AgentOwner,
};
use http::request::Parts;
use std::{net::IpAddr, sync::Arc};

/// A signed-in user. Without one the request is refused with 401 before anything else is looked at, so it
/// stands first among a handler's arguments.
#[derive(Clone, Debug)]
pub struct Auth(pub Arc<Session>);

impl Auth {
    /// Whom permissions are asked for.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.0.subject
    }

    /// The account.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.0.user.id
    }
}

impl<S: Sync> FromRequestParts<S> for Auth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<Identity>() {
            Some(Identity::User(session)) => Ok(Self(Arc::clone(session))),
            _ => Err(unauthenticated()),
        }
    }
}

/// An agent of a workspace's newest build. User credentials are refused.
#[derive(Clone, Debug)]
pub struct AgentAuth(pub Arc<AgentOwner>);

impl<S: Sync> FromRequestParts<S> for AgentAuth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<Identity>() {
            Some(Identity::Agent(owner)) => Ok(Self(Arc::clone(owner))),
            _ => Err(unauthenticated()),
        }
    }
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct Client {
    /// The address, as far as it is known.
    pub ip: Option<IpAddr>,
    /// What the client says of itself.
    pub user_agent: String,
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let agent = parts.headers.get(http::header::USER_AGENT);
        let agent = agent
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        Ok(Self {
            ip: parts
                .extensions
                .get::<RequestContext>()
                .and_then(|context| context.ip),
            user_agent: agent.chars().take(256).collect(),
        })
    }
}

fn unauthenticated() -> ApiError {
    let message = "You are signed out or your session has ended, sign in to go on.";
    Error::new(ErrorKind::Unauthenticated, message).into()
}

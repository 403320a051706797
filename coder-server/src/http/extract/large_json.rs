//! JSON bodies that may carry a Terraform state.

use super::json::{JSON_LIMIT, parse, too_large};
use crate::http::error::{ApiError, ApiResult};
use axum::body::HttpBody as _;
use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use bytes::Bytes;
use coder_core::{Error, workspace_build::MAX_STATE_BYTES};
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use serde::de::DeserializeOwned;
use std::{convert::Infallible, time::Duration};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// The largest body, bytes: a state in base64, and as much as any body may have beside it.
pub(crate) const LARGE_JSON_LIMIT: usize = MAX_STATE_BYTES.div_ceil(3) * 4 + JSON_LIMIT;
/// The longest silence of a client that sends one.
const MAX_SILENCE: Duration = Duration::from_secs(30);
/// Large bodies that are held in memory at once. Such a state is pushed by hand, to repair something.
static LARGE: Semaphore = Semaphore::const_new(2);

/// A JSON body that is not read before it is known whether it may be larger than others.
#[derive(Debug)]
pub(crate) struct UnreadJson(Body);

/// What was read, with the right to hold it in memory.
pub(crate) type Held<T> = (T, Option<SemaphorePermit<'static>>);

impl<S: Sync> FromRequest<S> for UnreadJson {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        Ok(Self(request.into_body()))
    }
}

impl UnreadJson {
    /// Whether it is larger than [`JSON_LIMIT`], as its length says. A body without one is not.
    pub(crate) fn is_large(&self) -> bool {
        self.declared() > JSON_LIMIT as u64
    }

    /// Reads it; a large one only when `permitted`.
    ///
    /// # Errors
    /// 413, 400 naming the field that is wrong, and 503 while too many others are read.
    pub(crate) async fn read<T>(self, permitted: bool) -> ApiResult<Held<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let large = self.is_large() && permitted;
        let limit = if large { LARGE_JSON_LIMIT } else { JSON_LIMIT };
        if self.declared() > limit as u64 {
            return Err(too_large(limit).into());
        }
        if !large {
            return Ok((parse(&read(self.0, limit).await?)?, None));
        }
        let busy = || {
            let message = "Too many large requests at once, try again.";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message)
        };
        let permit = LARGE.try_acquire().map_err(|_| busy())?;
        let bytes = read(self.0, limit).await?;
        let parsed = tokio::task::spawn_blocking(move || parse(&bytes)).await;
        let failed = |error| Error::internal("a body was not parsed").with_source(error);
        Ok((parsed.map_err(failed)??, Some(permit)))
    }

    fn declared(&self) -> u64 {
        self.0.size_hint().exact().unwrap_or(0)
    }
}

/// Reads a body of at most `limit` bytes, whatever was declared.
async fn read(body: Body, limit: usize) -> Result<Bytes, Error> {
    let mut body = Limited::new(body, limit);
    let mut bytes = Vec::new();
    loop {
        let frame = timeout(MAX_SILENCE, body.frame()).await;
        let frame = frame.map_err(|_| Error::invalid("The body stopped coming."))?;
        let Some(frame) = frame else {
            return Ok(bytes.into());
        };
        let frame = frame.map_err(|error| super::json::unreadable(error, limit))?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
}

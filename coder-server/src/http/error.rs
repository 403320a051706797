//! The error body of the API, and the only place where kinds of errors become statuses.

use axum::{
    Json,
    response::{IntoResponse, Response as HttpResponse},
};
use coder_core::{Error, ErrorKind, store::StoreError};
use http::{HeaderValue, StatusCode, header};
use std::{fmt::Write as _, sync::Arc};

/// What a handler answers.
pub type ApiResult<T> = Result<T, ApiError>;

/// A message of the API: every error, and the body of calls that only acknowledge.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Response {
    /// One sentence for the person who made the request.
    pub message: String,
    /// More, for whoever wants to repair it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The fields that were refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validations: Vec<ValidationError>,
}

impl Response {
    /// A message alone.
    pub fn message(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }
}

/// One refused field.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct ValidationError {
    /// The JSON key or query parameter.
    pub field: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// An error on its way to the client.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    body: Response,
    /// Only for the log.
    cause: Option<String>,
    retry_after_seconds: Option<u64>,
}

impl ApiError {
    /// An error of HTTP itself, for which there is no [`ErrorKind`].
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            body: Response::message(message),
            cause: None,
            retry_after_seconds: None,
        }
    }

    /// More, for whoever wants to repair it.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.body.detail = Some(detail.into());
        self
    }

    /// Too many requests; the client may come back after that many seconds.
    #[must_use]
    pub fn too_many_requests(retry_after_seconds: u64) -> Self {
        Self {
            retry_after_seconds: Some(retry_after_seconds),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "You have made too many requests, wait before you try again.",
            )
        }
    }

    /// Says when to try again.
    #[must_use]
    pub const fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The body of the answer.
    #[must_use]
    pub const fn body(&self) -> &Response {
        &self.body
    }
}

/// The status of every kind of error.
const fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::PreconditionFailed | ErrorKind::NotReady => StatusCode::PRECONDITION_FAILED,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let status = status_of(error.kind());
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            return Self {
                cause: Some(chain(&error)),
                ..Self::new(
                    status,
                    "An internal error occurred. The server's log says more under the request's id.",
                )
            };
        }
        let validations = error.fields().iter().map(|field| ValidationError {
            field: field.field.clone(),
            detail: field.detail.clone(),
        });
        let cause = std::error::Error::source(&error).map(|_| chain(&error));
        Self {
            status,
            body: Response {
                message: error.message().to_owned(),
                detail: None,
                validations: validations.collect(),
            },
            cause,
            retry_after_seconds: None,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}

/// An error with all its causes; each says only its own part.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}

/// The cause of an error answer, for the access log.
#[derive(Clone, Debug)]
pub(crate) struct LoggedCause(pub(crate) Arc<str>);

impl IntoResponse for ApiError {
    fn into_response(self) -> HttpResponse {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(LoggedCause(cause.into()));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_errors_tell_the_client_nothing() {
        let secret = std::io::Error::other("password=hunter2");
        let error = ApiError::from(Error::internal("the store failed").with_source(secret));
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(error.body()).expect("json");
        assert!(
            !body.contains("hunter2") && !body.contains("store"),
            "{body}"
        );
        assert_eq!(
            error.cause.as_deref(),
            Some("the store failed: password=hunter2")
        );
    }

    #[test]
    fn refused_fields_are_named() {
        let error = ApiError::from(Error::invalid_field("name", "is taken"));
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        assert_eq!(error.body().validations[0].field, "name");
    }
}

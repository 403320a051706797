//! Parameters in the path.

use crate::http::error::ApiError;
use axum::extract::{
    FromRequestParts, Path as AxumPath,
    path::{ErrorKind, FailedToDeserializePathParams},
    rejection::PathRejection,
};
use coder_core::Error;
use http::request::Parts;
use serde::de::DeserializeOwned;

/// Parameters in the path; what does not parse is a 400 that names the parameter.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match AxumPath::<T>::from_request_parts(parts, state).await {
            Ok(AxumPath(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => Err(refused(&error)),
            Err(error) => Err(Error::internal("a handler's path does not fit its route")
                .with_source(error)
                .into()),
        }
    }
}

fn refused(error: &FailedToDeserializePathParams) -> ApiError {
    let message = "The path holds a parameter that is not valid.";
    let error = match error.kind() {
        ErrorKind::ParseErrorAtKey { key, .. }
        | ErrorKind::DeserializeError { key, .. }
        | ErrorKind::InvalidUtf8InPathParam { key } => {
            Error::invalid(message).with_field(key, "is not valid")
        }
        ErrorKind::ParseErrorAtIndex { index, .. } => {
            Error::invalid(message).with_field(&format!("path[{index}]"), "is not valid")
        }
        _ => Error::invalid(message).with_field("path", "is not valid"),
    };
    error.into()
}

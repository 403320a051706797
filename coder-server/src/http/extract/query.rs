//! Parameters in the query.

use crate::http::error::ApiError;
use axum::extract::{FromRequestParts, Query as AxumQuery};
use coder_core::Error;
use http::request::Parts;
use serde::de::DeserializeOwned;

/// Parameters in the query; what does not parse is a 400. Unknown ones are ignored: the session token may
/// be among them.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match AxumQuery::<T>::from_request_parts(parts, state).await {
            Ok(AxumQuery(value)) => Ok(Self(value)),
            Err(rejection) => {
                // "Failed to deserialize query string: limit: invalid digit found in string"
                let text = rejection.body_text();
                let mut parts = text.rsplitn(3, ": ");
                let detail = parts.next().unwrap_or_default();
                let field = parts.next().unwrap_or("query");
                let error = Error::invalid("The query holds a parameter that is not valid.");
                Err(error.with_field(field, detail).into())
            }
        }
    }
}

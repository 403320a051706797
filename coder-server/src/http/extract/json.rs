//! JSON bodies.

use crate::http::error::ApiError;
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use coder_core::{Error, ErrorKind};
use http::header;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::{Serialize, de::DeserializeOwned};

/// The largest JSON body, bytes: the field's own limit.
pub const JSON_LIMIT: usize = 4 * 1024 * 1024;

/// A JSON body. An empty one counts as `{}`, as clients send it for requests without required fields.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let declared = request.headers().get(header::CONTENT_LENGTH);
        let declared = declared.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > JSON_LIMIT as u64) {
            return Err(too_large(JSON_LIMIT).into());
        }
        Ok(Self(parse(&read(request.into_body()).await?)?))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

async fn read(body: Body) -> Result<bytes::Bytes, Error> {
    let collected = Limited::new(body, JSON_LIMIT).collect().await;
    let collected = collected.map_err(|error| unreadable(error, JSON_LIMIT))?;
    Ok(collected.to_bytes())
}

/// Why a body of at most `limit` bytes could not be read.
pub(super) fn unreadable(error: axum::BoxError, limit: usize) -> Error {
    if error.is::<LengthLimitError>() {
        return too_large(limit);
    }
    Error::invalid("The body could not be read.").with_source(error)
}

pub(super) fn too_large(limit: usize) -> Error {
    let message = format!("The body exceeds the maximum size of {limit} bytes.");
    Error::new(ErrorKind::TooLarge, message)
}

/// Parses a body and says which field is wrong. The parser refuses more than 128 levels of nesting.
pub(super) fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let text: &[u8] = if text.is_empty() { b"{}" } else { text };
    // Left alone, serde takes an array for an object with its fields in order.
    if text.trim_ascii_start().first() != Some(&b'{') {
        let error = Error::invalid("The body is not the JSON that this request needs.");
        return Err(error.with_field("body", "must be an object"));
    }
    let mut parser = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let path = error.path().to_string();
        let detail = error.inner().to_string();
        let invalid = Error::invalid("The body is not the JSON that this request needs.");
        match missing_field(&detail) {
            Some(field) => invalid.with_field(field, "is required"),
            None if path == "." => invalid.with_field("body", detail),
            None => invalid.with_field(&path, detail),
        }
    })?;
    let rest = parser.end();
    rest.map_err(|error| {
        Error::invalid("The body goes on after its JSON value.").with_source(error)
    })?;
    Ok(value)
}

fn missing_field(detail: &str) -> Option<&str> {
    let (_, rest) = detail.split_once("missing field `")?;
    rest.split_once('`').map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Body {
        name: String,
        #[serde(default)]
        inner: Vec<u8>,
    }

    fn refused(text: &str) -> Error {
        parse::<Body>(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn the_wrong_field_is_named() {
        let body = parse::<Body>(br#"{"name":"a","unknown":1}"#).expect("unknown keys are ignored");
        assert_eq!((body.name.as_str(), body.inner.len()), ("a", 0));
        assert_eq!(refused("{}").fields()[0].field, "name");
        assert_eq!(refused(r#"{"name":1}"#).fields()[0].field, "name");
        assert_eq!(
            refused(r#"{"name":"","inner":[1,"x"]}"#).fields()[0].field,
            "inner[1]"
        );
    }

    #[test]
    fn garbage_is_refused_without_harm() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let nested = format!(r#"{{"name":"a","unknown":{deep}}}"#);
        for text in [
            "{",
            "nul",
            "[]",
            "\u{0}",
            r#"{"name":"\ud800"}"#,
            "{} {}",
            &deep,
        ] {
            assert_eq!(refused(text).kind(), ErrorKind::InvalidInput, "{text:.40}");
        }
        // What nobody asked for is skipped without recursion, however deep it is.
        parse::<Body>(nested.as_bytes()).expect("unknown keys are ignored");
    }
}

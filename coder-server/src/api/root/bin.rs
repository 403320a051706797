//! The agents that workspaces download.

use crate::{
    agent_binaries::{self, AgentBinary, EmbeddedBinary},
    http::{ApiError, ApiResult},
};
use axum::{
    body::Body,
    extract::Path,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use coder_core::Error;
use http::{HeaderName, StatusCode, header};
use std::{path::Path as FilePath, sync::Arc, time::UNIX_EPOCH};
use tokio_util::io::ReaderStream;

/// The ending under which the SHA-256 of a binary is found.
const SHA256: &str = ".sha256";
/// How large an answer is before it is compressed, for clients that show progress.
const ORIGINAL_LENGTH: HeaderName = HeaderName::from_static("x-original-content-length");

/// Answers `/bin/coder-<os>-<arch>`, and with `.sha256` behind it the hash. It needs no credentials: a new workspace
/// has none that it could use.
///
/// The entity tag is the SHA-1 of the binary, so that clients can make it of the copy that they have.
pub(super) async fn get(Path(file): Path<String>, headers: HeaderMap) -> ApiResult<Response> {
    if let Some(file) = file.strip_suffix(SHA256) {
        return sha256(file);
    }
    match agent_binaries::find(&file).ok_or_else(Error::not_found)? {
        AgentBinary::Embedded(binary) => embedded(binary, &headers).await,
        AgentBinary::SelfFile { path } => own(&path, &headers).await,
    }
}

fn sha256(file: &str) -> ApiResult<Response> {
    match agent_binaries::find(file) {
        Some(AgentBinary::Embedded(binary)) => {
            // As `sha256sum` writes it.
            let text = format!("{}  {file}\n", binary.sha256);
            Ok(([(header::CACHE_CONTROL, "no-cache")], text).into_response())
        }
        _ => Err(Error::not_found().into()),
    }
}

async fn embedded(binary: Arc<EmbeddedBinary>, headers: &HeaderMap) -> ApiResult<Response> {
    let tag = format!("\"{}\"", binary.sha1);
    if is_known(headers, &tag) {
        return Ok(not_modified(tag));
    }
    let length = binary.bytes.len() as u64;
    if !accepts_gzip(headers) {
        let body = Body::from(binary.bytes.clone());
        return Ok((described(tag, length), body).into_response());
    }
    let compress = tokio::task::spawn_blocking(move || binary.gzip()).await;
    let failed = |error| Error::internal("a binary was not compressed").with_source(error);
    let compressed = compress.map_err(failed)?;
    // The bytes are others, what they mean is the same.
    let common = described(format!("W/{tag}"), compressed.len() as u64);
    let more = [
        (header::CONTENT_ENCODING, "gzip".to_owned()),
        (ORIGINAL_LENGTH, length.to_string()),
    ];
    Ok((common, more, compressed).into_response())
}

/// This program's file.
async fn own(path: &FilePath, headers: &HeaderMap) -> ApiResult<Response> {
    let (tag, length) = describe(path).await?;
    if is_known(headers, &tag) {
        return Ok(not_modified(tag));
    }
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let body = Body::from_stream(ReaderStream::new(file));
    Ok((described(tag, length), body).into_response())
}

/// Tag and length of this program's file: an upgrade changes its size or its time.
async fn describe(path: &FilePath) -> Result<(String, u64), ApiError> {
    let found = tokio::fs::metadata(path).await.map_err(unreadable)?;
    let changed = found
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let changed = changed.unwrap_or_default().as_nanos();
    Ok((
        format!("\"{}-{changed:x}-{:x}\"", crate::VERSION, found.len()),
        found.len(),
    ))
}

fn described(tag: String, length: u64) -> [(HeaderName, String); 5] {
    [
        (header::ETAG, tag),
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        // Checked again each time, so that an upgraded server's agents follow it.
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::VARY, "Accept-Encoding".to_owned()),
    ]
}

fn not_modified(tag: String) -> Response {
    (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response()
}

/// Whether a client has what `tag` stands for, compressed or not.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH);
    let known = known
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    known.split(',').any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}

/// Whether a client takes gzip. One that gives it the weight 0 does not.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING);
    let codings = values.iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight
            .trim()
            .strip_prefix("q=")
            .is_some_and(|weight| weight.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

fn unreadable(error: std::io::Error) -> ApiError {
    Error::internal("an agent binary cannot be read")
        .with_source(error)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn codings() {
        for (value, expected) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("br, gzip; q=0", false),
            ("gzip;q=0.000", false),
            ("identity", false),
            ("", false),
        ] {
            let headers = header(header::ACCEPT_ENCODING, value);
            assert_eq!(accepts_gzip(&headers), expected, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn tags() {
        for (value, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("a", false),
            ("\"b\"", false),
        ] {
            let headers = header(header::IF_NONE_MATCH, value);
            assert_eq!(is_known(&headers, "\"a\""), expected, "{value}");
        }
    }
}

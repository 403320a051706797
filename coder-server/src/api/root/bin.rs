//! The agents that workspaces download.

use crate::{
    agent_binaries::{self, AgentBinary},
    http::{ApiError, ApiResult},
};
use axum::{
    body::Body,
    extract::Path,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use coder_core::Error;
use http::{StatusCode, header};
use std::{path::Path as FilePath, time::UNIX_EPOCH};
use tokio_util::io::ReaderStream;

/// Answers `/bin/coder-<os>-<arch>`. It needs no credentials: a new workspace has none that it could use.
pub(super) async fn get(Path(file): Path<String>, headers: HeaderMap) -> ApiResult<Response> {
    let binary = agent_binaries::find(&file).ok_or_else(Error::not_found)?;
    let (tag, length) = match &binary {
        AgentBinary::Embedded { bytes, hash } => (format!("\"{hash}\""), bytes.len() as u64),
        AgentBinary::SelfFile { path } => describe(path).await?,
    };
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let known = known.is_some_and(|known| {
        known
            .split(',')
            .any(|one| one.trim() == tag || one.trim() == "*")
    });
    if known {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let body = match binary {
        AgentBinary::Embedded { bytes, .. } => Body::from(bytes.into_owned()),
        AgentBinary::SelfFile { path } => {
            let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
            Body::from_stream(ReaderStream::new(file))
        }
    };
    let headers = [
        (header::ETAG, tag),
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        // Checked again each time, so that an upgraded server's agents follow it.
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    Ok((headers, body).into_response())
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

fn unreadable(error: std::io::Error) -> ApiError {
    Error::internal("an agent binary cannot be read")
        .with_source(error)
        .into()
}

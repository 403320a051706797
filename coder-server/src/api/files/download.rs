//! `GET /files/{fileID}`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Path},
    },
};
use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use coder_core::{id::FileId, service::files};
use http::{HeaderValue, header};

/// Download an archive
#[utoipa::path(
    get, path = "/files/{fileID}", tag = "Files",
    params(("fileID" = uuid::Uuid, Path, description = "Id of the file")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("file:read"))),
    responses((status = OK, body = Vec<u8>, content_type = "application/x-tar")),
)]
pub(crate) async fn download_file(
    auth: Auth,
    State(state): State<AppState>,
    Path(id): Path<FileId>,
) -> ApiResult<Response> {
    let file = files::get(&state.deps, auth.subject(), id).await?;
    let mut response = Bytes::from(file.data).into_response();
    // Whatever was stored, a browser gets an archive to save.
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-tar"),
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment"),
    );
    Ok(response)
}

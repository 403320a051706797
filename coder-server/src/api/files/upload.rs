//! `POST /files`.

use super::{archive, body, zip_to_tar};
use crate::{
    app_state::AppState,
    http::{
        ApiError, ApiResult,
        extract::{Auth, Json},
    },
};
use axum::{
    body::Body,
    extract::{Request, State},
};
use coder_core::{
    Error,
    rbac::{Action, Object, ResourceType},
    service::files,
};
use http::{HeaderMap, StatusCode, header};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Archives that are held in memory at once.
static UPLOADS: Semaphore = Semaphore::const_new(4);

/// Which file it became.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct UploadResponse {
    /// The id of the file.
    hash: Uuid,
}

enum Form {
    Tar,
    Zip,
}

/// Upload a tar or zip archive
///
/// The same bytes of the same user are kept once: 201 for new ones, 200 for known ones. Zip archives are
/// converted. Links, devices and paths that lead out are refused.
#[utoipa::path(
    post, path = "/files", tag = "Files",
    request_body(content = Vec<u8>, content_type = "application/x-tar"),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("file:create"))),
    responses((status = OK, body = UploadResponse), (status = CREATED, body = UploadResponse)),
)]
pub(crate) async fn upload_file(
    auth: Auth,
    State(state): State<AppState>,
    headers: HeaderMap,
    request: Request<Body>,
) -> ApiResult<(StatusCode, Json<UploadResponse>)> {
    let form = form(&headers)?;
    // Whoever may not upload is told before the body is read.
    let own = Object::of(ResourceType::File).owned_by(auth.user_id());
    state.deps.require(auth.subject(), Action::Create, &own)?;
    let busy = || {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many uploads, try again.",
        )
    };
    let _turn = UPLOADS.try_acquire().map_err(|_| busy())?;
    let declared = headers.get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|value| value.to_str().ok()?.parse().ok());
    let bytes = body::read(request.into_body(), declared).await?;
    let tar = tokio::task::spawn_blocking(move || {
        let tar = match form {
            Form::Tar => bytes,
            Form::Zip => zip_to_tar::convert(&bytes)?,
        };
        archive::check(&tar)?;
        Ok::<_, Error>(tar)
    });
    let tar = tar
        .await
        .map_err(|error| Error::internal("an archive check failed").with_source(error))??;
    let (id, new) = files::upload(&state.deps, auth.subject(), tar).await?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(UploadResponse { hash: id.into() })))
}

fn form(headers: &HeaderMap) -> Result<Form, Error> {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    match media_type.trim().to_ascii_lowercase().as_str() {
        "application/x-tar" => Ok(Form::Tar),
        "application/zip" | "application/x-zip-compressed" => Ok(Form::Zip),
        _ => {
            let detail = "must be application/x-tar or application/zip";
            Err(Error::invalid_field("Content-Type", detail))
        }
    }
}

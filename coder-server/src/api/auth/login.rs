//! `POST /users/login`.

use crate::{
    app_state::AppState,
    config::{HttpConfig, SameSite},
    http::{ApiResult, extract::Json},
};
use axum::extract::State;
use coder_core::{secret::Secret, service::users};
use http::{HeaderName, StatusCode, header};

/// E-mail and password.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct LoginWithPasswordRequest {
    #[serde(default)]
    email: String,
    #[serde(default)]
    #[schema(value_type = String)]
    password: Secret,
}

/// The token of the new session; it is set as cookie too.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct LoginWithPasswordResponse {
    #[schema(value_type = String)]
    session_token: Secret,
}

/// Exchange e-mail and password for a session token
#[utoipa::path(
    post, path = "/users/login", tag = "Authorization", request_body = LoginWithPasswordRequest,
    security(()), extensions(("x-permission" = json!("none"))),
    responses((status = CREATED, body = LoginWithPasswordResponse)),
)]
pub(crate) async fn login(
    State(state): State<AppState>,
    Json(request): Json<LoginWithPasswordRequest>,
) -> ApiResult<(
    StatusCode,
    [(HeaderName, String); 1],
    Json<LoginWithPasswordResponse>,
)> {
    let http = &state.config.http;
    let session_token = users::login(
        &state.deps,
        &*state.passwords,
        &request.email,
        request.password,
        http.session_duration,
        http.disable_password_auth,
    )
    .await?;
    let cookie = session_cookie(http, session_token.expose());
    let body = LoginWithPasswordResponse { session_token };
    Ok((
        StatusCode::CREATED,
        [(header::SET_COOKIE, cookie)],
        Json(body),
    ))
}

/// The cookie of a session; an empty token removes it.
pub(super) fn session_cookie(http: &HttpConfig, token: &str) -> String {
    let name = http.session_cookie_name();
    let same_site = match http.samesite_auth_cookie {
        SameSite::Lax => "Lax",
        SameSite::None => "None",
    };
    let secure = if http.is_cookie_secure() {
        "; Secure"
    } else {
        ""
    };
    let age = if token.is_empty() { "; Max-Age=0" } else { "" };
    format!("{name}={token}; Path=/; HttpOnly; SameSite={same_site}{secure}{age}")
}

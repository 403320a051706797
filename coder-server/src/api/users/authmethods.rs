//! `GET /users/authmethods`.

use crate::{app_state::AppState, http::extract::Json};
use axum::extract::State;

/// The ways to sign in.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct AuthMethods {
    #[serde(skip_serializing_if = "String::is_empty")]
    terms_of_service_url: String,
    password: AuthMethod,
    github: GithubAuthMethod,
    oidc: OidcAuthMethod,
}

/// One way to sign in.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct AuthMethod {
    enabled: bool,
}

/// GitHub.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct GithubAuthMethod {
    enabled: bool,
    default_provider_configured: bool,
}

/// OpenID Connect.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
struct OidcAuthMethod {
    enabled: bool,
    sign_in_text: String,
    icon_url: String,
}

/// The ways to sign in that are switched on
#[utoipa::path(
    get, path = "/users/authmethods", tag = "Users",
    security(()), extensions(("x-permission" = json!("none"))),
    responses((status = OK, body = AuthMethods)),
)]
pub(crate) async fn auth_methods(State(state): State<AppState>) -> Json<AuthMethods> {
    let http = &state.config.http;
    Json(AuthMethods {
        terms_of_service_url: http.terms_of_service_url.clone(),
        password: AuthMethod {
            enabled: !http.disable_password_auth,
        },
        github: GithubAuthMethod {
            enabled: false,
            default_provider_configured: false,
        },
        oidc: OidcAuthMethod {
            enabled: false,
            sign_in_text: String::new(),
            icon_url: String::new(),
        },
    })
}

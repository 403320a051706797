//! `POST /users/validate-password`.

use crate::http::extract::Json;
use coder_core::{password, secret::Secret};

/// A password to check.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct ValidateUserPasswordRequest {
    #[serde(default)]
    #[schema(value_type = String)]
    password: Secret,
}

/// Whether it would be accepted.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct ValidateUserPasswordResponse {
    valid: bool,
    /// Why not.
    details: String,
}

/// Check a password against the policy
///
/// Needs no session: whoever sets a deployment up has none yet.
#[utoipa::path(
    post, path = "/users/validate-password", tag = "Authorization",
    request_body = ValidateUserPasswordRequest,
    security(()), extensions(("x-permission" = json!("none"))),
    responses((status = OK, body = ValidateUserPasswordResponse)),
)]
pub(crate) async fn validate_password(
    Json(request): Json<ValidateUserPasswordRequest>,
) -> Json<ValidateUserPasswordResponse> {
    let details = match password::check("password", &request.password) {
        Ok(()) => String::new(),
        Err(error) => {
            let details = error
                .fields()
                .iter()
                .map(|field| format!("The password {}.", field.detail));
            details.collect()
        }
    };
    Json(ValidateUserPasswordResponse {
        valid: details.is_empty(),
        details,
    })
}

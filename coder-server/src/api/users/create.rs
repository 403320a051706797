//! `POST /users`.

use super::types::User;
use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json},
    },
};
use axum::extract::State;
use coder_core::{
    Error,
    secret::Secret,
    service::users::{self, NewUser},
    user::{LoginType, UserStatus},
};
use http::StatusCode;
use uuid::Uuid;

/// An account to make.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct CreateUserRequestWithOrgs {
    #[serde(default)]
    email: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    name: String,
    /// Needed unless the account signs in in another way.
    #[serde(default)]
    #[schema(value_type = String)]
    password: Secret,
    /// `password` when absent; `none` for an account that cannot sign in.
    #[serde(default)]
    login_type: String,
    /// `active` when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    user_status: Option<UserStatus>,
    /// The default organization when empty.
    #[serde(default)]
    organization_ids: Option<Vec<Uuid>>,
    #[serde(default)]
    roles: Option<Vec<String>>,
}

/// Create a user in the given organizations
#[utoipa::path(
    post, path = "/users", tag = "Users", request_body = CreateUserRequestWithOrgs,
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:create"))),
    responses((status = CREATED, body = User)),
)]
pub(crate) async fn create_user(
    auth: Auth,
    State(state): State<AppState>,
    Json(request): Json<CreateUserRequestWithOrgs>,
) -> ApiResult<(StatusCode, Json<User>)> {
    let login_type = match request.login_type.as_str() {
        "" => LoginType::Password,
        word => word.parse().map_err(|error: Error| {
            Error::invalid_field("login_type", error.message().to_owned())
        })?,
    };
    let organization_ids = request.organization_ids.unwrap_or_default();
    let new = NewUser {
        email: request.email,
        username: request.username,
        name: request.name,
        password: request.password,
        login_type,
        status: request.user_status.unwrap_or(UserStatus::Active),
        organization_ids: organization_ids.into_iter().map(Into::into).collect(),
        roles: request.roles.unwrap_or_default(),
    };
    let user = users::create(&state.deps, auth.subject(), &*state.passwords, new).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

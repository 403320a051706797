//! `GET` and `PUT /users/{user}/appearance`.

use crate::{
    app_state::AppState,
    http::{
        ApiResult,
        extract::{Auth, Json, Path},
    },
};
use axum::extract::State;
use coder_core::{
    Error,
    rbac::{Action, AsObject as _},
    service::users,
};

/// Colours and fonts of the dashboard.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub(crate) struct UserAppearanceSettings {
    theme_preference: String,
    theme_mode: String,
    theme_light: String,
    theme_dark: String,
    terminal_font: String,
}

impl UserAppearanceSettings {
    fn check(&self) -> Result<(), Error> {
        let fields = [
            ("theme_preference", &self.theme_preference),
            ("theme_mode", &self.theme_mode),
            ("theme_light", &self.theme_light),
            ("theme_dark", &self.theme_dark),
            ("terminal_font", &self.terminal_font),
        ];
        let word = |text: &str| {
            text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        match fields.into_iter().find(|(_, text)| !word(text)) {
            Some((field, _)) => Err(Error::invalid_field(field, "must be a short word")),
            None => Ok(()),
        }
    }
}

/// Colours and fonts of a user
#[utoipa::path(
    get, path = "/users/{user}/appearance", tag = "Users",
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:read_personal"))),
    responses((status = OK, body = UserAppearanceSettings)),
)]
pub(crate) async fn get_appearance(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> ApiResult<Json<UserAppearanceSettings>> {
    let mut tx = state.deps.begin().await?;
    let user = users::find(&state.deps, &mut *tx, auth.subject(), &user).await?;
    state
        .deps
        .require(auth.subject(), Action::ReadPersonal, &user.as_object())?;
    let stored = tx.settings().get(&key(&user)).await?;
    tx.commit().await?;
    let settings = stored.and_then(|text| serde_json::from_str(&text).ok());
    Ok(Json(settings.unwrap_or_default()))
}

/// Change colours and fonts of a user
#[utoipa::path(
    put, path = "/users/{user}/appearance", tag = "Users", request_body = UserAppearanceSettings,
    params(("user" = String, Path, description = "Id, username or `me`")),
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("user:update_personal"))),
    responses((status = OK, body = UserAppearanceSettings)),
)]
pub(crate) async fn update_appearance(
    auth: Auth,
    State(state): State<AppState>,
    Path(user): Path<String>,
    Json(settings): Json<UserAppearanceSettings>,
) -> ApiResult<Json<UserAppearanceSettings>> {
    let mut tx = state.deps.begin().await?;
    let user = users::find(&state.deps, &mut *tx, auth.subject(), &user).await?;
    state
        .deps
        .require(auth.subject(), Action::UpdatePersonal, &user.as_object())?;
    settings.check()?;
    let text = serde_json::to_string(&settings)
        .map_err(|error| Error::internal("settings are no JSON").with_source(error))?;
    tx.settings().set(&key(&user), &text).await?;
    tx.commit().await?;
    Ok(Json(settings))
}

fn key(user: &coder_core::user::User) -> String {
    format!("user_appearance:{}", user.id)
}

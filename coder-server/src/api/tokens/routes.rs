//! Routes of tokens and session keys.

use super::{create_key, create_token, expire, get, list, revoke, token_config};
use crate::app_state::AppState;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes below `/api/v2`.
pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(create_key::create_key))
        .routes(routes!(list::list_tokens, create_token::create_token))
        .routes(routes!(token_config::token_config))
        .routes(routes!(get::get_token))
        .routes(routes!(get::get_key, revoke::revoke_key))
        .routes(routes!(expire::expire_key))
}

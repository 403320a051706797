//! `GET /external-auth`.

use crate::http::extract::{Auth, Json};

/// The caller's linked accounts, and the providers where one can be linked.
#[derive(Debug, Default, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct ListUserExternalAuthResponse {
    #[schema(value_type = Vec<Object>)]
    providers: [(); 0],
    #[schema(value_type = Vec<Object>)]
    links: [(); 0],
}

/// Linked external accounts and providers
///
/// No provider can be configured yet, so both lists are empty.
#[utoipa::path(
    get, path = "/external-auth", tag = "Git",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = OK, body = ListUserExternalAuthResponse)),
)]
pub(crate) async fn list_external_auth(_auth: Auth) -> Json<ListUserExternalAuthResponse> {
    Json(ListUserExternalAuthResponse::default())
}

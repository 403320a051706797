//! `GET /experiments` and `/experiments/available`.

use crate::http::extract::{Auth, Json};

/// Experiments that are switched on: none
#[utoipa::path(
    get, path = "/experiments", tag = "General",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = OK, body = Vec<String>)),
)]
pub(crate) async fn experiments(_: Auth) -> Json<Vec<String>> {
    Json(Vec::new())
}

/// Experiments of a client's choice.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct AvailableExperiments {
    safe: Vec<String>,
}

/// Experiments that may be switched on: none
#[utoipa::path(
    get, path = "/experiments/available", tag = "General",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = OK, body = AvailableExperiments)),
)]
pub(crate) async fn available_experiments(_: Auth) -> Json<AvailableExperiments> {
    Json(AvailableExperiments { safe: Vec::new() })
}

use http::{Response, StatusCode};

use super::server::{Answer, HttpApi, error, json};
use crate::devcontainers::{Devcontainers, Refusal};

/// `GET /api/v0/containers`; empty where the agent does not look at containers.
pub(super) fn containers(api: &HttpApi) -> Response<Answer> {
    let listing = api.devcontainers.as_ref().map(Devcontainers::list);
    json(&listing.unwrap_or_default())
}

/// `POST /api/v0/containers/devcontainers/{id}/recreate`: makes it anew in the background.
pub(super) fn recreate(api: &HttpApi, id: &str) -> Response<Answer> {
    let begun = match (&api.devcontainers, id.parse()) {
        (Some(devcontainers), Ok(id)) => devcontainers.recreate(id),
        _ => Err(Refusal::NotFound),
    };
    match begun {
        Ok(()) => error(
            StatusCode::ACCEPTED,
            "The dev container is being made anew.",
        ),
        Err(refusal) => error(status(refusal), &refusal.to_string()),
    }
}

const fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::NotFound => StatusCode::NOT_FOUND,
        Refusal::Busy | Refusal::NoCli | Refusal::NoEngine => StatusCode::CONFLICT,
    }
}

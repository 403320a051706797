//! `POST /authcheck`.

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
    id::{OrganizationId, UserId},
    rbac::{Action, Object, ResourceType, Subject},
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Checks of one request.
const MAX_CHECKS: usize = 1000;

/// Checks by names that the caller chooses.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct AuthorizationRequest {
    checks: BTreeMap<String, AuthorizationCheck>,
}

/// May the caller do this to that?
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct AuthorizationCheck {
    object: AuthorizationObject,
    /// Such as `read`; what this server does not know is not permitted.
    action: String,
}

/// What it would be done to.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
pub(crate) struct AuthorizationObject {
    resource_type: String,
    /// An id, or `me`.
    #[serde(default)]
    owner_id: String,
    #[serde(default)]
    organization_id: String,
    #[serde(default)]
    resource_id: String,
    /// In any organization of the caller's.
    #[serde(default)]
    any_org: bool,
}

/// What is permitted
///
/// Only roles and scopes are looked at: that an object exists is not said.
#[utoipa::path(
    post, path = "/authcheck", tag = "Authorization", request_body = AuthorizationRequest,
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = OK, body = BTreeMap<String, bool>)),
)]
pub(crate) async fn check_authorization(
    auth: Auth,
    State(state): State<AppState>,
    Json(request): Json<AuthorizationRequest>,
) -> ApiResult<Json<BTreeMap<String, bool>>> {
    if request.checks.len() > MAX_CHECKS {
        let detail = format!("must have at most {MAX_CHECKS} entries");
        return Err(Error::invalid_field("checks", detail).into());
    }
    let checks = request.checks.into_iter();
    let answers = checks.map(|(name, check)| {
        let permitted = is_permitted(&state, auth.subject(), &check).map_err(|error| {
            error.with_field(&format!("checks.{name}"), "holds an id that is no UUID")
        });
        Ok((name, permitted?))
    });
    Ok(Json(answers.collect::<Result<_, Error>>()?))
}

fn is_permitted(
    state: &AppState,
    subject: &Subject,
    check: &AuthorizationCheck,
) -> Result<bool, Error> {
    let asked = &check.object;
    let id = |text: &str| {
        let parsed = (!text.is_empty()).then(|| text.parse::<Uuid>()).transpose();
        parsed.map_err(|_| Error::invalid("A check is not valid."))
    };
    let (Ok(kind), Ok(action)) = (
        asked.resource_type.parse::<ResourceType>(),
        check.action.parse::<Action>(),
    ) else {
        return Ok(false);
    };
    let mut object = Object::of(kind);
    object.id = id(&asked.resource_id)?;
    object.owner = match asked.owner_id.as_str() {
        "me" => Some(subject.user_id),
        other => id(other)?.map(UserId),
    };
    object.organization = id(&asked.organization_id)?.map(OrganizationId);
    if !asked.any_org || object.organization.is_some() {
        return Ok(state.deps.allows(subject, action, &object));
    }
    let anywhere = subject.organizations.keys().any(|&organization| {
        state.deps.allows(
            subject,
            action,
            &object.clone().in_organization(organization),
        )
    });
    Ok(anywhere || state.deps.allows(subject, action, &object))
}

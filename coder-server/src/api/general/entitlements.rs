//! `GET /entitlements`.

use crate::{
    app_state::AppState,
    http::extract::{Auth, Json},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Every feature that clients ask for.
const FEATURES: [&str; 28] = [
    "access_control",
    "advanced_template_scheduling",
    "agent_runtime_hours",
    "ai_governance_user_limit",
    "aibridge",
    "appearance",
    "audit_log",
    "boundary",
    "browser_only",
    "connection_log",
    "control_shared_ports",
    "custom_roles",
    "external_provisioner_daemons",
    "external_token_encryption",
    "high_availability",
    "managed_agent_limit",
    "multiple_external_auth",
    "multiple_organizations",
    "scim",
    "service_accounts",
    "task_batch_actions",
    "template_rbac",
    "user_limit",
    "user_role_management",
    "workspace_batch_actions",
    "workspace_external_agent",
    "workspace_prebuilds",
    "workspace_proxy",
];

/// What may be used.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Entitlements {
    features: BTreeMap<String, Feature>,
    warnings: Vec<String>,
    errors: Vec<String>,
    has_license: bool,
    trial: bool,
    require_telemetry: bool,
    refreshed_at: DateTime<Utc>,
}

/// Whether a feature may be used and is.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct Feature {
    entitlement: &'static str,
    enabled: bool,
}

/// What may be used: everything
///
/// Nothing is behind a licence.
#[utoipa::path(
    get, path = "/entitlements", tag = "Enterprise",
    security(("CoderSessionToken" = [])), extensions(("x-permission" = json!("self"))),
    responses((status = OK, body = Entitlements)),
)]
pub(crate) async fn entitlements(_: Auth, State(state): State<AppState>) -> Json<Entitlements> {
    let features = FEATURES.iter().map(|&name| {
        // A limit that is on limits; there are none.
        let limit = name.ends_with("_limit") || name == "agent_runtime_hours";
        let enabled = !limit && name != "browser_only";
        (
            name.to_owned(),
            Feature {
                entitlement: "entitled",
                enabled,
            },
        )
    });
    Json(Entitlements {
        features: features.collect(),
        warnings: Vec::new(),
        errors: Vec::new(),
        has_license: true,
        trial: false,
        require_telemetry: false,
        refreshed_at: state.deps.now(),
    })
}

//! `POST /workspaceagents/{aws,azure,google}-instance-identity`.

use crate::{
    app_state::AppState,
    http::{ApiResult, extract::Json},
};
use axum::extract::State;
use coder_agent::protocol::{
    AuthenticateResponse, AwsInstanceIdentityToken, AzureInstanceIdentityToken,
    GoogleInstanceIdentityToken,
};
use coder_core::{Error, instance_identity::InstanceIdentity, service::agents::Agents};

/// Exchange a document that Amazon signed for an agent's token
///
/// 401 when the document is not believed, no agent of a newest build runs on the machine, or a newer document
/// was used; 409 when several agents do, or the agent is connected; 403 when the server trusts no
/// certificates of Amazon.
#[utoipa::path(
    post, path = "/workspaceagents/aws-instance-identity", tag = "Agents",
    security(()), extensions(("x-permission" = json!("none"))),
    request_body(content = Object, description = "`AwsInstanceIdentityToken` of the agent protocol"),
    responses((status = OK, body = Object, description = "`AuthenticateResponse` of the agent protocol")),
)]
pub(crate) async fn aws_instance_identity(
    State(state): State<AppState>,
    Json(body): Json<AwsInstanceIdentityToken>,
) -> ApiResult<Json<AuthenticateResponse>> {
    let verified = state.instance_identity.aws(&body.document, &body.signature);
    let identity = verified.map_err(Error::from)?;
    exchange(&state, &identity, &body.agent_name).await
}

/// Exchange a document that Azure signed for an agent's token
///
/// Refused as for Amazon; each document works once.
#[utoipa::path(
    post, path = "/workspaceagents/azure-instance-identity", tag = "Agents",
    security(()), extensions(("x-permission" = json!("none"))),
    request_body(content = Object, description = "`AzureInstanceIdentityToken` of the agent protocol"),
    responses((status = OK, body = Object, description = "`AuthenticateResponse` of the agent protocol")),
)]
pub(crate) async fn azure_instance_identity(
    State(state): State<AppState>,
    Json(body): Json<AzureInstanceIdentityToken>,
) -> ApiResult<Json<AuthenticateResponse>> {
    let verified = state
        .instance_identity
        .azure(&body.signature, &body.encoding);
    let identity = verified.map_err(Error::from)?;
    exchange(&state, &identity, &body.agent_name).await
}

/// Exchange a token that Google signed for an agent's token
///
/// Refused as for Amazon; each token works once.
#[utoipa::path(
    post, path = "/workspaceagents/google-instance-identity", tag = "Agents",
    security(()), extensions(("x-permission" = json!("none"))),
    request_body(content = Object, description = "`GoogleInstanceIdentityToken` of the agent protocol"),
    responses((status = OK, body = Object, description = "`AuthenticateResponse` of the agent protocol")),
)]
pub(crate) async fn google_instance_identity(
    State(state): State<AppState>,
    Json(body): Json<GoogleInstanceIdentityToken>,
) -> ApiResult<Json<AuthenticateResponse>> {
    let verified = state.instance_identity.google(&body.json_web_token).await;
    let identity = verified.map_err(Error::from)?;
    exchange(&state, &identity, &body.agent_name).await
}

async fn exchange(
    state: &AppState,
    identity: &InstanceIdentity,
    agent_name: &str,
) -> ApiResult<Json<AuthenticateResponse>> {
    let agents = Agents::new(state.deps.clone());
    let session_token = agents.authenticate_instance(identity, agent_name).await?;
    Ok(Json(AuthenticateResponse { session_token }))
}

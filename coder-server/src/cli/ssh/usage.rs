//! `--usage-app`: tells the server what a connection is for.

use crate::cli::{client::Client, reach::Reached};
use reqwest::Method;
use serde_json::json;
use std::{convert::Infallible, time::Duration};

/// How often it is told; the server counts what it heard of within minutes.
const INTERVAL: Duration = Duration::from_secs(60);

/// Tells it at once and then again and again.
pub(super) async fn report(client: &Client, reached: &Reached, app: &str) -> Infallible {
    let path = format!("api/v2/workspaces/{}/usage", reached.workspace.id);
    let body = json!({ "agent_id": reached.agent.id, "app_name": app });
    loop {
        if let Err(error) = client.send(Method::POST, &path, Some(&body)).await {
            tracing::debug!(%error, "the use is not noted");
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

//! Whether the session is good.

use super::{http::unanswered, report::Finding};
use crate::cli::{
    client::{Client, send},
    types::User,
};
use ::http::StatusCode;
use reqwest::Method;

/// Asks who is signed in.
pub(super) async fn check(client: &Client) -> Result<(Finding, ()), Finding> {
    let request = client.request(Method::GET, "api/v2/users/me");
    let request = request.map_err(|error| Finding::error(error.to_string()))?;
    let response = send(request).await.map_err(|error| unanswered(&error))?;
    match response.status() {
        StatusCode::OK => {
            let user: User = response.json().await.map_err(|error| unanswered(&error))?;
            Ok((Finding::ok(format!("signed in as {}", user.username)), ()))
        }
        StatusCode::UNAUTHORIZED => {
            Err(Finding::error("the session is not valid").hint("Sign in with: coder login <url>"))
        }
        status => Err(Finding::error(format!("the server answers {status}"))),
    }
}

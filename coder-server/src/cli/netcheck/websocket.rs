//! A WebSocket: whether it opens, whether it carries, and how long it may be silent.

use super::{http::unanswered, report::Finding};
use crate::cli::client::{Client, send};
use ::http::{StatusCode, header};
use coder_agent::tunnel::ws::KEEP_ALIVE_INTERVAL;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::{client::generate_key, derive_accept_key},
        protocol::Role,
    },
};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of a refusal that are looked at.
const MAX_BODY: usize = 4 * 1024;

/// An open WebSocket whose other side sends back what it hears.
pub(super) type Echo = WebSocketStream<reqwest::Upgraded>;

/// Opens one and sends something back and forth.
pub(super) async fn open(client: &Client) -> Result<(Finding, Echo), Finding> {
    let key = generate_key();
    let request = client.request(Method::GET, "api/v2/debug/ws");
    let request = request
        .map_err(|error| Finding::error(error.to_string()))?
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key);
    let response = send(request).await.map_err(|error| unanswered(&error))?;
    let status = response.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let body = response.bytes().await.unwrap_or_default();
        let body = body.get(..body.len().min(MAX_BODY)).unwrap_or_default();
        return Err(refused(status, &String::from_utf8_lossy(body)));
    }
    let accept = response.headers().get(header::SEC_WEBSOCKET_ACCEPT);
    if accept.map(::http::HeaderValue::as_bytes)
        != Some(derive_accept_key(key.as_bytes()).as_bytes())
    {
        return Err(Finding::error("the upgrade was confirmed wrongly")
            .hint("Something on the way answers in the server's place."));
    }
    let upgraded = response
        .upgrade()
        .await
        .map_err(|error| unanswered(&error))?;
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    let round_trip = echo(&mut socket).await.map_err(|problem| {
        Finding::error(format!(
            "the WebSocket opened and carries nothing: {problem}"
        ))
        .hint("Something on the way holds data back: buffering must be off for WebSockets.")
    })?;
    let text = format!(
        "open, {:.1} ms there and back",
        round_trip.as_secs_f64() * 1_000.0
    );
    Ok((Finding::ok(text), socket))
}

/// Says nothing for a while, then looks whether the connection is still there.
pub(super) async fn idle(mut socket: Echo, silence: Duration) -> Result<(Finding, ()), Finding> {
    let begin = Instant::now();
    let cut = match timeout(silence, socket.next()).await {
        // Time is over and nothing came, as it should be.
        Err(_) => echo(&mut socket).await.err(),
        Ok(Some(Ok(Message::Close(_))) | None) => Some("it was closed".to_owned()),
        Ok(Some(Err(error))) => Some(error.to_string()),
        Ok(Some(Ok(_))) => Some("something came that was not asked for".to_owned()),
    };
    let Some(problem) = cut else {
        return Ok((
            Finding::ok(format!("still open after {silence:?} of silence")),
            (),
        ));
    };
    let after = begin.elapsed();
    let text = format!("cut off within {} s of silence: {problem}", after.as_secs());
    let margin = 2 * KEEP_ALIVE_INTERVAL;
    if after > margin {
        let text = format!(
            "{text}; connections here are never silent for longer than {KEEP_ALIVE_INTERVAL:?}"
        );
        return Ok((Finding::warning(text).hint(
            "Longer timeouts of the proxies on the way (nginx: proxy_read_timeout) spare others from it.",
        ), ()));
    }
    Err(Finding::error(text).hint(format!(
        "Raise the idle timeout of the proxies on the way above {margin:?} (nginx: proxy_read_timeout)."
    )))
}

async fn echo(socket: &mut Echo) -> Result<Duration, String> {
    let text = "coder netcheck";
    let begin = Instant::now();
    let exchange = async {
        let sent = socket.send(Message::text(text)).await;
        sent.map_err(|error| error.to_string())?;
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(back))) if back.as_str() == text => {
                    return Ok(begin.elapsed());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err("it was closed".to_owned()),
                Some(Ok(_)) => return Err("something else came back".to_owned()),
                Some(Err(error)) => return Err(error.to_string()),
            }
        }
    };
    let answered = timeout(ANSWER, exchange).await;
    answered.unwrap_or_else(|_| Err(format!("nothing came back within {ANSWER:?}")))
}

/// Why there is no WebSocket.
fn refused(status: StatusCode, body: &str) -> Finding {
    let finding = Finding::error(format!("no WebSocket: {status}"));
    match status {
        StatusCode::BAD_REQUEST if body.contains("needs a WebSocket") => finding.hint(
            "A proxy on the way takes the Upgrade header out. nginx: proxy_http_version 1.1; proxy_set_header \
             Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\". A forward proxy lets it through with \
             https:// only.",
        ),
        StatusCode::UNAUTHORIZED => finding.hint("Sign in with: coder login <url>"),
        StatusCode::NOT_FOUND => {
            finding.hint("The server is of another version: compare with coder version.")
        }
        StatusCode::UPGRADE_REQUIRED => finding
            .hint("Something on the way turns the request into HTTP/2, or asks for another version."),
        StatusCode::FORBIDDEN => finding.hint("Something on the way forbids WebSockets."),
        status if status.is_success() || status.is_redirection() => {
            finding.hint("Something on the way answers in the server's place.")
        }
        status if status.is_server_error() => {
            finding.hint("A reverse proxy on the way does not pass WebSockets on.")
        }
        _ => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_hop() {
        for (status, body, hint) in [
            (
                400,
                r#"{"message":"This needs a WebSocket."}"#,
                "Upgrade header",
            ),
            (401, "", "coder login"),
            (200, "<html>", "in the server's place"),
            (502, "", "reverse proxy"),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let said = refused(status, body).hint.unwrap_or_default();
            assert!(said.contains(hint), "{status}: {said}");
        }
    }
}

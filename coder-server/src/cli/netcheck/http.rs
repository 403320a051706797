//! An ordinary call, and what its answer tells about who answers.

use super::report::Finding;
use crate::cli::client::{Client, send};
use ::http::{HeaderMap, StatusCode, header};
use coder_core::{
    Timestamp,
    clock::{Clock as _, SystemClock},
};
use reqwest::Method;

/// A difference of the clocks that is worth a warning, seconds: certificates and logins suffer from it.
const MAX_SKEW: i64 = 60;
/// Bytes of an answer that are looked at.
const MAX_BODY: usize = 64 * 1024;

/// Asks for the server's version.
pub(super) async fn call(client: &Client) -> Result<(Finding, ()), Finding> {
    let request = client.request(Method::GET, "api/v2/buildinfo");
    let request = request.map_err(|error| Finding::error(error.to_string()))?;
    let response = send(request).await.map_err(|error| unanswered(&error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.unwrap_or_default();
    let body = body.get(..body.len().min(MAX_BODY)).unwrap_or_default();
    let version = judge(status, &headers, body)?;
    let text = format!("the server is {version}");
    Ok((
        match skew(&headers, SystemClock.now()) {
            Some(seconds) => Finding::warning(format!(
                "{text}; its clock and this machine's differ by {seconds} s"
            ))
            .hint("Set the clock of whichever is wrong: logins, certificates and schedules depend on it."),
            None => Finding::ok(text),
        },
        (),
    ))
}

/// The causes of a call without an answer.
pub(super) fn unanswered(error: &reqwest::Error) -> Finding {
    let mut text = "no answer".to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    if text.contains("CertificateRequired") || text.contains("certificate required") {
        return Finding::error(text).hint(
            "The server wants a client certificate: --client-tls-cert-file and --client-tls-key-file.",
        );
    }
    Finding::error(text)
}

/// The version of the server, if it is one that answers.
fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<String, Finding> {
    #[derive(serde::Deserialize)]
    struct Build {
        version: String,
    }
    if status.is_success()
        && let Ok(build) = serde_json::from_slice::<Build>(body)
    {
        return Ok(build.version);
    }
    let text = |name: header::HeaderName| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let by = match text(header::SERVER).as_str() {
        "" => String::new(),
        server => format!(" (it says that it is {server:?})"),
    };
    let refused = Finding::error(format!("something else answers: {status}{by}"));
    if status.is_redirection() {
        return Err(refused.hint(format!(
            "It leads to {}: a login page on the way, or the URL is not the deployment's own.",
            text(header::LOCATION)
        )));
    }
    let said = String::from_utf8_lossy(body).to_lowercase();
    if said.contains("ssl certificate") || said.contains("client certificate") {
        return Err(refused.hint(
            "It wants a client certificate: --client-tls-cert-file and --client-tls-key-file.",
        ));
    }
    Err(match status {
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            refused.hint("A reverse proxy answers that cannot reach the server behind it.")
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => refused.hint(
            "A gateway in front wants credentials of its own: --header or --header-command can add them.",
        ),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            refused.hint("The proxy wants a login: HTTP_PROXY=http://user:password@host:port.")
        }
        _ => refused.hint("Is this the URL of a deployment? A server behind a path needs the path too."),
    })
}

/// How far the clocks are apart, if that is worth a word. Positive when this machine's is ahead.
fn skew(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let date = chrono::DateTime::parse_from_rfc2822(date).ok()?;
    let seconds = (now - date.to_utc()).num_seconds();
    (seconds.abs() > MAX_SKEW).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        let value = value.parse().expect("a value");
        HeaderMap::from_iter([(name, value)])
    }

    #[test]
    fn clocks_that_are_apart_are_noticed() {
        let now = Timestamp::from_timestamp(784_111_777, 0).expect("in range");
        let skew = |date: &str| skew(&headers(header::DATE, date), now);
        assert_eq!(skew("Sun, 06 Nov 1994 08:49:37 GMT"), None);
        assert_eq!(skew("Sun, 06 Nov 1994 08:39:37 GMT"), Some(600));
        assert_eq!(skew("Sun, 06 Nov 1994 08:59:37 GMT"), Some(-600));
        assert_eq!(skew("yesterday"), None);
    }

    #[test]
    fn who_answers_is_told() {
        let none = HeaderMap::new();
        let version = judge(StatusCode::OK, &none, br#"{"version":"v1"}"#);
        assert_eq!(version.expect("a server"), "v1");
        let location = headers(header::LOCATION, "https://login.example");
        for (status, headers, body, hint) in [
            (302, &location, "", "https://login.example"),
            (200, &none, "<html>", "Is this the URL"),
            (
                400,
                &none,
                "No required SSL certificate was sent",
                "--client-tls-cert-file",
            ),
            (502, &none, "", "reverse proxy"),
            (403, &none, "", "--header"),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let finding = judge(status, headers, body.as_bytes()).expect_err(hint);
            let said = finding.hint.unwrap_or_default();
            assert!(said.contains(hint), "{said}");
        }
    }
}

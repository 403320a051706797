//! CONNECT through a proxy.

use super::{
    report::Finding,
    route::{Endpoint, Proxy},
};
use ::http::StatusCode;
use coder_agent::tunnel::BoxedIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The longest head of an answer, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Asks the proxy for a connection to the target.
pub(super) async fn connect(
    mut stream: BoxedIo,
    proxy: &Proxy,
    target: &Endpoint,
) -> Result<(Finding, BoxedIo), Finding> {
    let authority = target.authority();
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(value) = &proxy.authorization {
        let value = value.to_str().unwrap_or_default();
        request.push_str(&format!("Proxy-Authorization: {value}\r\n"));
    }
    request.push_str("\r\n");
    let broken = |error: std::io::Error| {
        Finding::error(format!("the proxy ended the connection: {error}"))
            .hint("Is it an HTTP proxy, and does it let this machine in?")
    };
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut head = Vec::new();
    // Byte by byte: what comes behind the head belongs to the target.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Err(Finding::error("the proxy's answer is too long"));
        }
        head.push(stream.read_u8().await.map_err(broken)?);
    }
    judge(&head, &authority)?;
    let name = proxy.endpoint.authority();
    Ok((
        Finding::ok(format!("{name} connects to {authority}")),
        stream,
    ))
}

/// What an answer means.
fn judge(head: &[u8], authority: &str) -> Result<(), Finding> {
    let text = String::from_utf8_lossy(head);
    let first = text.lines().next().unwrap_or_default();
    let mut words = first.split_whitespace();
    let version = words.next().unwrap_or_default();
    let status = words
        .next()
        .and_then(|word| word.parse::<StatusCode>().ok());
    let Some(status) = status.filter(|_| version.starts_with("HTTP/1.")) else {
        return Err(Finding::error("what answers does not speak HTTP")
            .hint("Check the address and the port of the proxy."));
    };
    if status.is_success() {
        return Ok(());
    }
    let refused = Finding::error(format!("the proxy answers {first:?}"));
    Err(match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            let mut lines = text.lines();
            let wanted = lines.find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("proxy-authenticate")
                    .then(|| value.trim().to_owned())
            });
            let basic = wanted.as_deref().is_none_or(|scheme| {
                scheme
                    .get(..5)
                    .is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
            });
            refused.hint(match (basic, wanted) {
                (false, Some(wanted)) => format!(
                    "It wants a login of the type {wanted:?}, which is not spoken here; a local proxy such as cntlm can."
                ),
                _ => "It wants a login: HTTPS_PROXY=http://user:password@host:port, special characters as %XX."
                    .to_owned(),
            })
        }
        StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED => refused.hint(format!(
            "It does not let through to {authority}: ask for it to be allowed, or put the host into NO_PROXY."
        )),
        status if status.is_server_error() => {
            refused.hint(format!("The proxy cannot reach {authority} itself."))
        }
        _ => refused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        assert!(judge(b"HTTP/1.1 200 Connection established\r\n\r\n", "h:1").is_ok());
        for (head, hint) in [
            (
                "HTTP/1.1 403 Filtered\r\n\r\n",
                "does not let through to h:1",
            ),
            (
                "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n",
                "user:password",
            ),
            (
                "HTTP/1.1 407 No\r\nproxy-authenticate: Negotiate\r\n\r\n",
                "cntlm",
            ),
            ("HTTP/1.0 503 x\r\n\r\n", "cannot reach h:1"),
            ("SSH-2.0-OpenSSH\r\n\r\n", "port of the proxy"),
        ] {
            let finding = judge(head.as_bytes(), "h:1").expect_err(head);
            assert!(
                finding
                    .hint
                    .as_deref()
                    .is_some_and(|text| text.contains(hint)),
                "{finding:?}"
            );
        }
    }
}

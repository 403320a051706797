//! Further headers of every request, for gateways between clients or agents and the server.
//!
//! They are given as `name=value`, or by a command that prints one of these in each line.

use std::process::{Command, Stdio};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Error, ErrorKind, Result};

/// What a command may print, in bytes.
const MAX_OUTPUT: usize = 64 * 1024;

/// The headers of texts of the form `name=value`, and of what `command` prints, in this order. The
/// command is run by `sh`, with the server's address as `CODER_URL`.
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) for what is no header, without its value, which may be
/// secret; [`Internal`](ErrorKind::Internal) when the command fails.
pub fn headers(given: &[String], command: Option<&str>, url: &str) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for text in given {
        add(&mut headers, text)?;
    }
    if let Some(command) = command.filter(|command| !command.trim().is_empty()) {
        for line in run(command, url)?.lines() {
            if !line.trim().is_empty() {
                add(&mut headers, line)?;
            }
        }
    }
    Ok(headers)
}

fn add(headers: &mut HeaderMap, text: &str) -> Result<()> {
    let name = text.split('=').next().unwrap_or_default().trim();
    let invalid = || {
        let message = format!("header {name:?} is not of the form name=value");
        Error::new(ErrorKind::InvalidInput, message)
    };
    let (_, value) = text.split_once('=').ok_or_else(invalid)?;
    let name = HeaderName::try_from(name).map_err(|_| invalid())?;
    let mut value = HeaderValue::try_from(value.trim()).map_err(|_| invalid())?;
    value.set_sensitive(true);
    headers.append(name, value);
    Ok(())
}

fn run(command: &str, url: &str) -> Result<String> {
    let failed = |problem: String| {
        let message = format!("the command for headers {problem}");
        Error::new(ErrorKind::Internal, message)
    };
    let (shell, argument) = if cfg!(windows) {
        ("cmd.exe", "/C")
    } else {
        ("sh", "-c")
    };
    let output = Command::new(shell)
        .args([argument, command])
        .env("CODER_URL", url)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed("cannot be run".to_owned()).with_source(error))?;
    if !output.status.success() {
        return Err(failed(format!("ended with {}", output.status)));
    }
    if output.stdout.len() > MAX_OUTPUT {
        return Err(failed(format!("printed more than {MAX_OUTPUT} bytes")));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("printed something else than text".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_given_and_made() {
        let given = ["X-One=1".to_owned(), "X-Token=a=b".to_owned()];
        let command = "printf 'X-Two=2\\n\\nX-Url=%s\\n' \"$CODER_URL\"";
        let headers = headers(&given, Some(command), "https://c.example").unwrap();
        for (name, value) in [
            ("x-one", "1"),
            ("x-token", "a=b"),
            ("x-two", "2"),
            ("x-url", "https://c.example"),
        ] {
            assert_eq!(headers[name], value, "{name}");
            assert!(headers[name].is_sensitive());
        }
    }

    #[test]
    fn what_is_no_header_is_refused_without_its_value() {
        for text in ["X-One", "=secret", "a b=secret", "X=sec\nret", ""] {
            let error = headers(&[text.to_owned()], None, "").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text:?}");
            assert!(!error.message().contains("sec"), "{error}");
        }
        for (command, problem) in [
            ("exit 3", "exit status: 3"),
            ("printf '\\377=x'", "than text"),
            ("head -c 70000 /dev/zero | tr '\\0' a", "more than"),
            ("echo nothing", "form name=value"),
        ] {
            let error = headers(&[], Some(command), "").unwrap_err();
            assert!(error.message().contains(problem), "{error}");
        }
    }
}

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::access;
use super::run::{block_on, say};
use crate::protocol::{ExternalAuthQuery, ExternalAuthResponse};
use crate::ssh::Environment;
use crate::{AgentApi, Error, ErrorKind, Result};

/// How long the owner may take to sign in.
const SIGN_IN: Duration = Duration::from_secs(30 * 60);
/// The wait after an answer that came too soon.
const PAUSE: Duration = Duration::from_secs(1);

/// What Git asks for: `Username for 'https://host': ` or `Password for 'https://user@host': `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Whether the password is asked for.
    is_password: bool,
    /// The host, with its port if it has one; empty when Git did not say.
    host: String,
}

impl Prompt {
    /// Reads what Git gives to `GIT_ASKPASS` as the only argument; `None` for anything else.
    #[must_use]
    pub fn parse(argument: &OsStr) -> Option<Self> {
        let text = argument.to_str()?;
        let (is_password, rest) = match text.strip_prefix("Username") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("Password")?),
        };
        if rest.trim() == ":" {
            return Some(Self {
                is_password,
                host: String::new(),
            });
        }
        let place = rest.strip_prefix(" for '")?.trim_end();
        let place = place.strip_suffix("':")?;
        let (_, place) = place.split_once("://")?;
        let authority = place.split('/').next().unwrap_or_default();
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        Some(Self {
            is_password,
            host: host.to_owned(),
        })
    }
}

/// Answers Git from the owner's external logins. When there is none for the host it fails, and Git asks
/// on the terminal.
pub fn gitaskpass(prompt: &Prompt, variables: &Environment) -> ExitCode {
    let answered = block_on(async { answer(&access::client(variables)?, prompt).await });
    let answered = answered.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "this cannot run").with_source(error))
    });
    match answered {
        Ok(text) => match writeln!(io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            say(&explain(&error, &prompt.host));
            ExitCode::FAILURE
        }
    }
}

async fn answer(api: &dyn AgentApi, prompt: &Prompt) -> Result<String> {
    if prompt.host.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "Git did not say for which host",
        ));
    }
    let query = ExternalAuthQuery {
        matching: prompt.host.clone(),
        ..ExternalAuthQuery::default()
    };
    let mut found = api.external_auth(query.clone()).await?;
    if !found.url.is_empty() {
        say(&format!("sign in to go on: {}", shown(&found.url)));
        found = signed_in(api, query).await?;
    }
    Ok(credential(found, prompt.is_password))
}

/// Waits until the owner has signed in.
async fn signed_in(api: &dyn AgentApi, query: ExternalAuthQuery) -> Result<ExternalAuthResponse> {
    let end = Instant::now() + SIGN_IN;
    let query = ExternalAuthQuery {
        listen: true,
        ..query
    };
    loop {
        match api.external_auth(query.clone()).await {
            Ok(found) if found.url.is_empty() => return Ok(found),
            Err(error) if !error.is_temporary() => return Err(error),
            Ok(_) | Err(_) if Instant::now() >= end => {
                return Err(Error::new(ErrorKind::TimedOut, "nobody has signed in"));
            }
            Ok(_) | Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Providers that want a name of their own say so; the others take the token as the name.
fn credential(found: ExternalAuthResponse, is_password: bool) -> String {
    match (is_password, found.username.is_empty()) {
        (true, _) => found.password.expose().to_owned(),
        (false, true) => found.access_token.expose().to_owned(),
        (false, false) => found.username,
    }
}

fn explain(error: &Error, host: &str) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!(
            "this deployment has no external login for {}. Type a name and a token, set \
             credential.helper, or clone over SSH: your Coder key is used there (coder publickey)",
            shown(host)
        ),
        _ => format!("Git is not answered: {error}"),
    }
}

/// Without what could drive the terminal.
fn shown(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use coder_core::secret::Secret;

    #[test]
    fn prompts_are_read() {
        for (text, is_password, host) in [
            ("Username for 'https://github.com': ", false, "github.com"),
            (
                "Password for 'https://ann@github.com': ",
                true,
                "github.com",
            ),
            (
                "Password for 'http://a@b@git.test:8080/x/y': ",
                true,
                "git.test:8080",
            ),
            ("Username: ", false, ""),
            ("Password: ", true, ""),
        ] {
            let expected = Prompt {
                is_password,
                host: host.into(),
            };
            assert_eq!(Prompt::parse(OsStr::new(text)), Some(expected), "{text}");
        }
        for other in [
            "",
            "agent",
            "--version",
            "Username",
            "Passwords: ",
            "Username for github.com: ",
        ] {
            assert_eq!(Prompt::parse(OsStr::new(other)), None, "{other}");
        }
    }

    #[test]
    fn tokens_are_names_unless_the_provider_has_another() {
        let found = |username: &str, password: &str| ExternalAuthResponse {
            access_token: Secret::new("t"),
            username: username.into(),
            password: Secret::new(password),
            ..ExternalAuthResponse::default()
        };
        assert_eq!(credential(found("", ""), false), "t");
        assert_eq!(credential(found("", ""), true), "");
        assert_eq!(credential(found("oauth2", "t"), false), "oauth2");
        assert_eq!(credential(found("oauth2", "t"), true), "t");
    }
}

//! `coder login`, `coder logout` and `coder whoami`.

use super::{
    client::Client,
    config_dir::ConfigDir,
    error::{CliError, CliResult},
    global::GlobalArgs,
    output::{self, OutputArgs, ask, ask_secret, confirm, error_line, listing},
    types::User,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Flags of `coder login`.
#[derive(clap::Args)]
pub(crate) struct LoginArgs {
    /// URL of the deployment.
    url: Option<String>,
    /// E-mail of the first user.
    #[arg(long, env = "CODER_FIRST_USER_EMAIL")]
    first_user_email: Option<String>,
    /// Name of the first user.
    #[arg(long, env = "CODER_FIRST_USER_USERNAME")]
    first_user_username: Option<String>,
    /// Full name of the first user.
    #[arg(long, env = "CODER_FIRST_USER_FULL_NAME")]
    first_user_full_name: Option<String>,
    /// Password of the first user.
    #[arg(long, env = "CODER_FIRST_USER_PASSWORD", hide_env_values = true)]
    first_user_password: Option<String>,
    /// Accepted for compatibility: nothing here needs a licence.
    #[arg(long, env = "CODER_FIRST_USER_TRIAL", hide = true)]
    first_user_trial: bool,
    /// Keep the given --token itself as the session.
    #[arg(long)]
    use_token_as_session: bool,
}

/// Flags of `coder logout`.
#[derive(clap::Args)]
pub(crate) struct LogoutArgs {
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// Signs in, by token, by password, or as the first user.
pub(crate) async fn login(global: &GlobalArgs, args: LoginArgs) -> CliResult {
    let config = ConfigDir::new(global.global_config.as_deref())?;
    let url = args
        .url
        .clone()
        .or_else(|| global.url.clone())
        .or_else(|| config.url());
    let url = url
        .ok_or_else(|| CliError::new("no URL is given").hint("Sign in with: coder login <url>"))?;
    let anonymous = Client::new(global, &url, None)?;
    let first = anonymous
        .find::<Value>("api/v2/users/first")
        .await?
        .is_none();
    let token = if first {
        first_user(&anonymous, &args).await?
    } else {
        match &global.token {
            Some(token) => token.clone(),
            None => by_password_or_token(&anonymous).await?,
        }
    };
    let client = Client::new(global, &url, Some(token.clone()))?;
    let user: User = client.get("api/v2/users/me").await?;
    let session = if first || global.token.is_none() || args.use_token_as_session {
        token
    } else {
        new_session(&client).await?
    };
    config.save(client.url.as_str().trim_end_matches('/'), &session)?;
    error_line(&format!(
        "Signed in to {} as {}.",
        client.url,
        output::printable(&user.username)
    ));
    Ok(())
}

/// Ends the session on the server and forgets it.
pub(crate) async fn logout(global: &GlobalArgs, args: LogoutArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    confirm("Sign out?", args.yes)?;
    let ended = client.send(Method::POST, "api/v2/users/logout", None).await;
    // What is kept is forgotten in any case: a session that the server no longer knows is no use.
    ConfigDir::new(global.global_config.as_deref())?.clear()?;
    ended?;
    error_line("Signed out.");
    Ok(())
}

/// Shows who is signed in.
pub(crate) async fn whoami(global: &GlobalArgs, args: OutputArgs) -> CliResult {
    let client = Client::signed_in(global)?;
    let value: Value = client.get("api/v2/users/me").await?;
    let user: User = serde_json::from_value(value)
        .map_err(|error| CliError::new("the answer is not understood").caused_by(error))?;
    let roles: Vec<&str> = user.roles.iter().map(|role| role.name.as_str()).collect();
    let value = json!([{
        "url": client.url.as_str(), "username": user.username, "id": user.id,
        "organization_ids": user.organization_ids, "roles": roles,
    }]);
    let row = vec![
        client.url.as_str().trim_end_matches('/').to_owned(),
        user.username.clone(),
        user.id.clone(),
        user.organization_ids.join(","),
        roles.join(","),
    ];
    listing(
        &args,
        &value,
        &["url", "username", "id", "orgs", "roles"],
        &[row],
    )
}

async fn first_user(client: &Client, args: &LoginArgs) -> CliResult<String> {
    error_line("This deployment has no user yet: the first one becomes its owner.");
    let need = |given: &Option<String>, question: &str, flag: &str| {
        let given = given.clone().filter(|text| !text.is_empty());
        match given {
            Some(text) => Ok(text),
            None => ask(question)?
                .filter(|text| !text.is_empty())
                .ok_or_else(|| {
                    CliError::new(format!("no {question} is given")).hint(format!("Pass {flag}."))
                }),
        }
    };
    let username = need(
        &args.first_user_username,
        "username",
        "--first-user-username",
    )?;
    let email = need(&args.first_user_email, "e-mail", "--first-user-email")?;
    let password = match &args.first_user_password {
        Some(password) => password.clone(),
        None => ask_secret("password")?.ok_or_else(|| {
            CliError::new("no password is given").hint("Set CODER_FIRST_USER_PASSWORD.")
        })?,
    };
    let body = json!({
        "email": email, "username": username, "password": password, "trial": false,
        "name": args.first_user_full_name.clone().unwrap_or_default(),
    });
    let _: Value = client.post("api/v2/users/first", &body).await?;
    session_of(client, &email, &password).await
}

async fn by_password_or_token(client: &Client) -> CliResult<String> {
    let nobody = || {
        CliError::new("no session token is given")
            .hint("Set CODER_SESSION_TOKEN or pass --token with a token of yours.")
    };
    let email = ask("e-mail, or a session token")?
        .filter(|text| !text.is_empty())
        .ok_or_else(nobody)?;
    if !email.contains('@') {
        return Ok(email);
    }
    let password = ask_secret("password")?.ok_or_else(nobody)?;
    session_of(client, &email, &password).await
}

async fn session_of(client: &Client, email: &str, password: &str) -> CliResult<String> {
    #[derive(serde::Deserialize)]
    struct Session {
        session_token: String,
    }
    let body = json!({ "email": email, "password": password });
    let session: Session = client.post("api/v2/users/login", &body).await?;
    Ok(session.session_token)
}

/// A session of its own, so that the given token can be revoked on its own.
async fn new_session(client: &Client) -> CliResult<String> {
    #[derive(serde::Deserialize)]
    struct Key {
        key: String,
    }
    let key: Key = client.post("api/v2/users/me/keys", &json!({})).await?;
    Ok(key.key)
}

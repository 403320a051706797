//! Addresses, sessions, cookies and limits.

use super::parse_duration;
use chrono::TimeDelta;
use clap::builder::BoolishValueParser;
use url::Url;

/// Which other sites' requests carry the session cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SameSite {
    /// Only when a link is followed.
    Lax,
    /// All of them.
    None,
}

/// Addresses, sessions, cookies and limits.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct HttpConfig {
    /// The URL under which users and workspaces reach this server.
    #[arg(long, env = "CODER_ACCESS_URL", value_name = "URL")]
    pub access_url: Option<Url>,
    /// The host name under which apps are reached, such as `*.coder.example.com`.
    #[arg(
        long,
        env = "CODER_WILDCARD_ACCESS_URL",
        default_value = "",
        hide_default_value = true
    )]
    pub wildcard_access_url: String,
    /// Redirect what comes under another host name to the access URL.
    #[arg(long, env = "CODER_REDIRECT_TO_ACCESS_URL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub redirect_to_access_url: bool,
    /// The address to listen on.
    #[arg(
        long,
        env = "CODER_HTTP_ADDRESS",
        default_value = "127.0.0.1:3000",
        value_name = "HOST:PORT"
    )]
    pub http_address: String,
    /// How long a session lives without use.
    #[arg(long, env = "CODER_SESSION_DURATION", default_value = "24h0m0s", value_parser = parse_duration)]
    pub session_duration: TimeDelta,
    /// End sessions after their duration even when they are used.
    #[arg(long, env = "CODER_DISABLE_SESSION_EXPIRY_REFRESH", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub disable_session_expiry_refresh: bool,
    /// Refuse sign-in by password, except for owners.
    #[arg(long, env = "CODER_DISABLE_PASSWORD_AUTH", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub disable_password_auth: bool,
    /// The longest life of a token.
    #[arg(long, env = "CODER_MAX_TOKEN_LIFETIME", default_value = "876600h0m0s", value_parser = parse_duration)]
    pub max_token_lifetime: TimeDelta,
    /// The longest life of an owner's token.
    #[arg(long, env = "CODER_MAX_ADMIN_TOKEN_LIFETIME", default_value = "168h0m0s", value_parser = parse_duration)]
    pub max_admin_token_lifetime: TimeDelta,
    /// The life of a token for which none is asked.
    #[arg(long, env = "CODER_DEFAULT_TOKEN_LIFETIME", default_value = "168h0m0s", value_parser = parse_duration)]
    pub default_token_lifetime: TimeDelta,
    /// Send the session cookie over HTTPS only; when absent, if the access URL is HTTPS.
    #[arg(long, env = "CODER_SECURE_AUTH_COOKIE", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub secure_auth_cookie: Option<bool>,
    /// Which other sites' requests carry the session cookie.
    #[arg(long, env = "CODER_SAMESITE_AUTH_COOKIE", default_value = "lax")]
    pub samesite_auth_cookie: SameSite,
    /// Name the session cookie `__Host-…`, so that no other host can set it; needs HTTPS.
    #[arg(long, env = "CODER_HOST_PREFIX_COOKIE", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub host_prefix_cookie: bool,
    /// Headers in which trusted proxies name the client's address.
    #[arg(long, env = "CODER_PROXY_TRUSTED_HEADERS", value_delimiter = ',')]
    pub proxy_trusted_headers: Vec<String>,
    /// Addresses or networks of trusted proxies.
    #[arg(long, env = "CODER_PROXY_TRUSTED_ORIGINS", value_delimiter = ',')]
    pub proxy_trusted_origins: Vec<String>,
    /// Requests per minute that one user may make to one route; negative for any number.
    #[arg(
        long,
        env = "CODER_API_RATE_LIMIT",
        default_value_t = 512,
        allow_negative_numbers = true
    )]
    pub api_rate_limit: i64,
    /// Answer any number of requests. Only for tests.
    #[arg(long, env = "CODER_DANGEROUS_DISABLE_RATE_LIMITS", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub dangerous_disable_rate_limits: bool,
    /// Do not serve apps below a path of the access URL.
    #[arg(long, env = "CODER_DISABLE_PATH_APPS", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub disable_path_apps: bool,
    /// A page with terms that users accept by signing in.
    #[arg(
        long,
        env = "CODER_TERMS_OF_SERVICE_URL",
        default_value = "",
        hide_default_value = true
    )]
    pub terms_of_service_url: String,
}

impl HttpConfig {
    /// The name of the session cookie.
    #[must_use]
    pub const fn session_cookie_name(&self) -> &'static str {
        if self.host_prefix_cookie {
            "__Host-coder_session_token"
        } else {
            "coder_session_token"
        }
    }

    /// Whether the session cookie is for HTTPS only.
    #[must_use]
    pub fn is_cookie_secure(&self) -> bool {
        let https = self
            .access_url
            .as_ref()
            .is_some_and(|url| url.scheme() == "https");
        self.host_prefix_cookie || self.secure_auth_cookie.unwrap_or(https)
    }

    /// The access URL without a slash at the end; empty when there is none.
    #[must_use]
    pub fn access_url_text(&self) -> String {
        let url = self
            .access_url
            .as_ref()
            .map(Url::as_str)
            .unwrap_or_default();
        url.trim_end_matches('/').to_owned()
    }
}

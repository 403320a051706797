//! All options together.

use super::{
    ClientConfig, DatabaseConfig, HttpConfig, IdentityConfig, IntrospectionConfig,
    ProvisionerConfig, RetentionConfig, TerraformConfig, TlsConfig,
};
use clap::builder::BoolishValueParser;
use std::path::PathBuf;

/// The options of the server.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Addresses, sessions, cookies and limits.
    #[command(flatten)]
    pub http: HttpConfig,
    /// Encryption of the server's own listener.
    #[command(flatten)]
    pub tls: TlsConfig,
    /// PostgreSQL.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Keys of users, and how machines in clouds are known.
    #[command(flatten)]
    pub identity: IdentityConfig,
    /// Built-in daemons and their jobs.
    #[command(flatten)]
    pub provisioner: ProvisionerConfig,
    /// How Terraform is found, and what templates get from this machine.
    #[command(flatten)]
    pub terraform: TerraformConfig,
    /// What clients are told.
    #[command(flatten)]
    pub client: ClientConfig,
    /// How long is kept what grows.
    #[command(flatten)]
    pub retention: RetentionConfig,
    /// Logs and metrics.
    #[command(flatten)]
    pub introspection: IntrospectionConfig,
    /// Where downloaded and generated files are kept; `~/.cache/coder` when absent.
    #[arg(long, env = "CODER_CACHE_DIRECTORY", value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Keep everything in memory and forget it at the end: for trying the server out.
    #[arg(long, env = "CODER_EPHEMERAL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub ephemeral: bool,
}

impl Config {
    /// The options with nothing given, whatever the environment says.
    ///
    /// # Errors
    /// None in practice: a test parses the defaults.
    pub fn defaults() -> Result<Self, clap::Error> {
        let command = <Self as clap::Args>::augment_args(clap::Command::new("coder"));
        // An argument's variable cannot be taken away, only exchanged for one that nobody sets.
        let command = command.mut_args(|arg| arg.env("CODER_NEVER_SET"));
        let matches = command.try_get_matches_from(["coder"])?;
        <Self as clap::FromArgMatches>::from_arg_matches(&matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches as _;

    fn parsed(args: &[&str]) -> Config {
        let command = <Config as clap::Args>::augment_args(clap::Command::new("coder"));
        let args = std::iter::once("coder").chain(args.iter().copied());
        let matches = command.try_get_matches_from(args).expect("valid");
        Config::from_arg_matches(&matches).expect("valid")
    }

    #[test]
    fn defaults_are_the_fields() {
        let config = Config::defaults().expect("defaults");
        assert_eq!(config.http.http_address, "127.0.0.1:3000");
        assert_eq!(config.http.session_duration.num_hours(), 24);
        assert_eq!(config.http.max_token_lifetime.num_hours(), 876_600);
        assert_eq!(config.http.max_admin_token_lifetime.num_hours(), 168);
        assert_eq!(config.database.postgres_conn_max_open, 10);
        assert_eq!(config.provisioner.provisioner_daemons, 3);
        assert_eq!(config.client.workspace_hostname_suffix, "coder");
        assert_eq!(config.client.agent_stats_refresh_interval.num_seconds(), 30);
        let kept = config.retention.workspace_agent_logs_retention;
        assert_eq!(kept.num_days(), 7);
        let kept = config.retention.connection_logs_retention;
        assert_eq!(kept.num_days(), 90);
        assert!(!config.ephemeral && !config.tls.tls_enable);
    }

    #[test]
    fn flags_are_read() {
        let config = parsed(&[
            "--access-url=https://coder.example.com",
            "--session-duration",
            "1h30m",
            "--tls-enable",
            "--secure-auth-cookie=true",
            "--proxy-trusted-origins=10.0.0.0/8,192.0.2.1",
            "--ssh-config-options=A=b",
            "--ssh-config-options=C=d",
            "--provisioner-types=terraform,echo",
        ]);
        assert_eq!(config.provisioner.provisioner_types.len(), 2);
        assert_eq!(
            config.http.access_url.map(String::from).as_deref(),
            Some("https://coder.example.com/")
        );
        assert_eq!(config.http.session_duration.num_minutes(), 90);
        assert!(config.tls.tls_enable && config.http.secure_auth_cookie == Some(true));
        assert_eq!(config.http.proxy_trusted_origins.len(), 2);
        assert_eq!(config.client.ssh_config_options, ["A=b", "C=d"]);
    }

    #[test]
    fn the_database_password_is_not_shown() {
        let config = parsed(&["--postgres-url=postgres://u:canary@h/d"]);
        assert!(!format!("{config:?}").contains("canary"));
    }
}

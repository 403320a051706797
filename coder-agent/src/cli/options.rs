use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use coder_core::instance_identity::Cloud;
use coder_core::secret::Secret;
use lexopt::prelude::{Long, Short, Value};
use url::Url;

use crate::ssh::{Blocked, SshOptions};

/// What `coder agent` was told on its command line and by its environment.
#[derive(Debug)]
pub struct AgentArguments {
    /// `--agent-url`, `CODER_AGENT_URL`.
    pub url: Url,
    /// `--auth`, `CODER_AGENT_AUTH`: how the agent proves who it is.
    pub auth: AgentAuth,
    /// `--log-dir`, `CODER_AGENT_LOG_DIR`.
    pub log_dir: PathBuf,
    /// `--script-data-dir`, `CODER_AGENT_SCRIPT_DATA_DIR`.
    pub script_data_dir: PathBuf,
    /// `--ssh-max-timeout`, `CODER_AGENT_SSH_MAX_TIMEOUT`.
    pub ssh_max_timeout: Duration,
    /// `--block-file-transfer`, `--block-reverse-port-forwarding`, `--block-local-port-forwarding`
    /// and `CODER_AGENT_BLOCK_…`.
    pub ssh_blocked: Blocked,
    /// `CODER_AGENT_SUBSYSTEM`, separated by commas.
    pub subsystems: Vec<String>,
    /// `--devcontainers-enable`, `CODER_AGENT_DEVCONTAINERS_ENABLE`.
    pub devcontainers: bool,
    /// `--devcontainers-project-discovery-enable`,
    /// `CODER_AGENT_DEVCONTAINERS_PROJECT_DISCOVERY_ENABLE`.
    pub devcontainer_discovery: bool,
    /// `--devcontainers-discovery-autostart-enable`,
    /// `CODER_AGENT_DEVCONTAINERS_DISCOVERY_AUTOSTART_ENABLE`.
    pub devcontainer_autostart: bool,
    /// `--no-reap`, `CODER_AGENT_NO_REAP`: run in this process, without a supervisor in front.
    pub no_reap: bool,
    /// `--agent-header`, repeated, or `CODER_AGENT_HEADER`, separated by commas: `name=value`.
    pub headers: Vec<String>,
    /// `--agent-header-command`, `CODER_AGENT_HEADER_COMMAND`: prints further headers.
    pub header_command: Option<String>,
    /// `--log-json`: log as JSON.
    pub log_json: bool,
    /// `CODER_VERBOSE`, `--verbose`: log more.
    pub verbose: bool,
}

/// How an agent proves who it is.
#[derive(Debug)]
pub enum AgentAuth {
    /// By `--agent-token`, `CODER_AGENT_TOKEN`, or the file named by `CODER_AGENT_TOKEN_FILE`.
    Token(Secret),
    /// By what its cloud says of the machine.
    Instance {
        /// Whose machine it is.
        cloud: Cloud,
        /// `--agent-name`, `CODER_AGENT_NAME`: which of several agents of the machine.
        agent_name: String,
        /// `CODER_AGENT_METADATA_URL`: where the metadata service is, if not at its usual address.
        metadata_url: Option<Url>,
    },
}

/// Why the agent cannot start as it was called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// `--help` was given.
    #[error("help was asked for")]
    Help,
    /// An argument is not understood.
    #[error("{0}")]
    Argument(String),
    /// Something needed is missing or wrong.
    #[error("{name}: {problem}")]
    Setting {
        /// The environment variable.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// Options with a value that other versions of the agent know; accepted, so that init scripts
/// written for them work, and without effect here.
const IGNORED_WITH_VALUE: &[&str] = &[
    "pprof-address",
    "tailnet-listen-port",
    "prometheus-address",
    "debug-address",
    "log-human",
    "log-stackdriver",
    "socket-path",
    "agent-firewall-log-proxy-socket-path",
];

/// The same for options without a value, or with an optional one behind `=`.
const IGNORED: &[&str] = &["socket-server-enabled"];

/// The environment by name.
pub(super) type Variables = BTreeMap<OsString, OsString>;

impl AgentArguments {
    /// Reads `arguments` (those after `agent`) and `variables`; an argument wins over a variable.
    ///
    /// # Errors
    /// When something is missing or not understood; nothing secret is in the error.
    pub fn parse(
        arguments: impl Iterator<Item = OsString>,
        variables: &Variables,
        read_file: impl Fn(&OsStr) -> std::io::Result<String>,
    ) -> Result<Self, UsageError> {
        let mut given = Given::from_variables(variables);
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next().map_err(wrong)? {
            let name = match argument {
                Long(name) => name.to_owned(),
                Short('h') => return Err(UsageError::Help),
                Short('v') => "verbose".to_owned(),
                other @ (Short(_) | Value(_)) => return Err(wrong(other.unexpected())),
            };
            given.take(&name, &mut parser)?;
        }
        given.finish(variables, read_file)
    }
}

#[derive(Default)]
struct Given {
    url: Option<OsString>,
    token: Option<OsString>,
    auth: Option<OsString>,
    agent_name: Option<OsString>,
    log_dir: Option<OsString>,
    script_data_dir: Option<OsString>,
    ssh_max_timeout: Option<OsString>,
    devcontainers: Option<OsString>,
    devcontainer_discovery: Option<OsString>,
    devcontainer_autostart: Option<OsString>,
    ssh_blocked: Blocked,
    no_reap: bool,
    headers: Vec<OsString>,
    header_command: Option<OsString>,
    log_json: bool,
    verbose: bool,
}

impl Given {
    fn from_variables(variables: &Variables) -> Self {
        let variable = |name: &str| get(variables, name).cloned();
        let is_on = |name: &str| variable(name).is_some_and(|value| is_true(&value));
        Self {
            url: variable("CODER_AGENT_URL"),
            token: variable("CODER_AGENT_TOKEN"),
            auth: variable("CODER_AGENT_AUTH"),
            agent_name: variable("CODER_AGENT_NAME"),
            log_dir: variable("CODER_AGENT_LOG_DIR"),
            script_data_dir: variable("CODER_AGENT_SCRIPT_DATA_DIR"),
            ssh_max_timeout: variable("CODER_AGENT_SSH_MAX_TIMEOUT"),
            devcontainers: variable("CODER_AGENT_DEVCONTAINERS_ENABLE"),
            devcontainer_discovery: variable("CODER_AGENT_DEVCONTAINERS_PROJECT_DISCOVERY_ENABLE"),
            devcontainer_autostart: variable(
                "CODER_AGENT_DEVCONTAINERS_DISCOVERY_AUTOSTART_ENABLE",
            ),
            ssh_blocked: Blocked {
                file_transfer: is_on("CODER_AGENT_BLOCK_FILE_TRANSFER"),
                reverse_port_forwarding: is_on("CODER_AGENT_BLOCK_REVERSE_PORT_FORWARDING"),
                local_port_forwarding: is_on("CODER_AGENT_BLOCK_LOCAL_PORT_FORWARDING"),
            },
            no_reap: is_on("CODER_AGENT_NO_REAP"),
            headers: Vec::new(),
            header_command: variable("CODER_AGENT_HEADER_COMMAND"),
            log_json: variable("CODER_AGENT_LOGGING_JSON").is_some(),
            verbose: is_on("CODER_VERBOSE"),
        }
    }

    fn take(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), UsageError> {
        match name {
            "help" => return Err(UsageError::Help),
            "verbose" => self.verbose = true,
            "agent-url" => self.url = Some(parser.value().map_err(wrong)?),
            "agent-token" => self.token = Some(parser.value().map_err(wrong)?),
            "auth" => self.auth = Some(parser.value().map_err(wrong)?),
            "agent-name" => self.agent_name = Some(parser.value().map_err(wrong)?),
            "log-dir" => self.log_dir = Some(parser.value().map_err(wrong)?),
            "script-data-dir" => self.script_data_dir = Some(parser.value().map_err(wrong)?),
            "ssh-max-timeout" => self.ssh_max_timeout = Some(parser.value().map_err(wrong)?),
            "devcontainers-enable" => self.devcontainers = flag(parser),
            "devcontainers-project-discovery-enable" => self.devcontainer_discovery = flag(parser),
            "devcontainers-discovery-autostart-enable" => {
                self.devcontainer_autostart = flag(parser);
            }
            "agent-header" => self.headers.push(parser.value().map_err(wrong)?),
            "agent-header-command" => {
                self.header_command = Some(parser.value().map_err(wrong)?);
            }
            "block-file-transfer" => self.ssh_blocked.file_transfer = switch(parser),
            "block-reverse-port-forwarding" => {
                self.ssh_blocked.reverse_port_forwarding = switch(parser);
            }
            "block-local-port-forwarding" => {
                self.ssh_blocked.local_port_forwarding = switch(parser);
            }
            "no-reap" => self.no_reap = switch(parser),
            "log-json" => {
                // Other versions name a file here.
                self.log_json = true;
                parser.optional_value();
            }
            name if IGNORED_WITH_VALUE.contains(&name) => {
                parser.value().map_err(wrong)?;
            }
            name if IGNORED.contains(&name) => {
                parser.optional_value();
            }
            name => return Err(UsageError::Argument(format!("--{name} is not known"))),
        }
        Ok(())
    }

    fn finish(
        self,
        variables: &Variables,
        read_file: impl Fn(&OsStr) -> std::io::Result<String>,
    ) -> Result<AgentArguments, UsageError> {
        let setting = |name, problem: &str| UsageError::Setting {
            name,
            problem: problem.to_owned(),
        };
        let url = self.url.as_ref();
        let url = url.ok_or_else(|| setting("CODER_AGENT_URL", "is not set"))?;
        let url = url.to_str().and_then(|url| Url::parse(url).ok());
        let url = url.ok_or_else(|| setting("CODER_AGENT_URL", "is not an address"))?;
        let auth = self.auth(variables, read_file)?;
        let folder = |given: Option<OsString>| given.map_or_else(std::env::temp_dir, Into::into);
        let ssh_max_timeout = match self.ssh_max_timeout {
            Some(text) => text.to_str().and_then(parse_duration).ok_or_else(|| {
                setting(
                    "CODER_AGENT_SSH_MAX_TIMEOUT",
                    "is not a time such as 72h or 90m",
                )
            })?,
            None => SshOptions::DEFAULT_MAX_TIMEOUT,
        };
        let list = |name: &str| -> Vec<String> {
            let list = get(variables, name).map(|list| list.to_string_lossy());
            let parts = list.iter().flat_map(|list| list.split(','));
            let parts = parts.map(|part| part.trim().to_owned());
            parts.filter(|part| !part.is_empty()).collect()
        };
        let text = |text: OsString| text.to_string_lossy().into_owned();
        let headers = match self.headers.is_empty() {
            true => list("CODER_AGENT_HEADER"),
            false => self.headers.into_iter().map(text).collect(),
        };
        Ok(AgentArguments {
            url,
            auth,
            log_dir: folder(self.log_dir),
            script_data_dir: folder(self.script_data_dir),
            ssh_max_timeout,
            devcontainers: is_given(self.devcontainers, true),
            devcontainer_discovery: is_given(self.devcontainer_discovery, true),
            devcontainer_autostart: is_given(self.devcontainer_autostart, false),
            ssh_blocked: self.ssh_blocked,
            no_reap: self.no_reap,
            subsystems: list("CODER_AGENT_SUBSYSTEM"),
            headers,
            header_command: self.header_command.map(text),
            log_json: self.log_json,
            verbose: self.verbose,
        })
    }

    fn auth(
        &self,
        variables: &Variables,
        read_file: impl Fn(&OsStr) -> std::io::Result<String>,
    ) -> Result<AgentAuth, UsageError> {
        let setting = |name, problem: &str| UsageError::Setting {
            name,
            problem: problem.to_owned(),
        };
        let auth = self.auth.as_deref().map(OsStr::to_string_lossy);
        let auth = auth.unwrap_or_else(|| "token".into());
        if auth != "token" {
            let cloud = auth.strip_suffix("-instance-identity");
            let cloud = cloud.and_then(|cloud| cloud.parse().ok()).ok_or_else(|| {
                let problem = "is not token, or aws-, azure- or google-instance-identity";
                setting("CODER_AGENT_AUTH", problem)
            })?;
            let metadata_url = get(variables, "CODER_AGENT_METADATA_URL").map(|url| {
                let url = url.to_str().and_then(|url| Url::parse(url).ok());
                url.ok_or_else(|| setting("CODER_AGENT_METADATA_URL", "is not an address"))
            });
            return Ok(AgentAuth::Instance {
                cloud,
                agent_name: (self.agent_name.as_deref())
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                metadata_url: metadata_url.transpose()?,
            });
        }
        let token = match (&self.token, get(variables, "CODER_AGENT_TOKEN_FILE")) {
            (Some(token), _) => token.to_string_lossy().into_owned(),
            (None, Some(path)) => read_file(path)
                .map_err(|error| setting("CODER_AGENT_TOKEN_FILE", &error.to_string()))?,
            (None, None) => return Err(setting("CODER_AGENT_TOKEN", "is not set")),
        };
        Ok(AgentAuth::Token(Secret::new(token.trim())))
    }
}

fn get<'a>(variables: &'a Variables, name: &str) -> Option<&'a OsString> {
    variables
        .get(OsStr::new(name))
        .filter(|value| !value.is_empty())
}

/// A flag, or its value behind `=`.
fn flag(parser: &mut lexopt::Parser) -> Option<OsString> {
    Some(parser.optional_value().unwrap_or_else(|| "true".into()))
}

fn is_given(given: Option<OsString>, usual: bool) -> bool {
    given.map_or(usual, |value| is_true(&value))
}

/// Whether a switch is on: with no value, or any that does not say no.
fn switch(parser: &mut lexopt::Parser) -> bool {
    parser.optional_value().is_none_or(|value| is_true(&value))
}

/// What is not clearly a no is a yes: a typing mistake in what forbids something must not allow it.
fn is_true(value: &OsStr) -> bool {
    value
        .to_str()
        .is_none_or(|value| !matches!(&*value.to_ascii_lowercase(), "false" | "f" | "0" | "no"))
}

fn wrong(error: lexopt::Error) -> UsageError {
    UsageError::Argument(error.to_string())
}

/// Times as Go writes them: `72h`, `1h30m`, `500ms`.
fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(60 * 60),
            _ => return None,
        };
        total = total.checked_add(unit.checked_mul(number.parse().ok()?)?)?;
        rest = behind;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str], variables: &[(&str, &str)]) -> Result<AgentArguments, UsageError> {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        AgentArguments::parse(arguments.iter().map(OsString::from), &variables, |path| {
            assert_eq!(path, "/run/token");
            Ok("from-file\n".to_owned())
        })
    }

    fn token(arguments: &AgentArguments) -> &str {
        match &arguments.auth {
            AgentAuth::Token(token) => token.expose(),
            other => panic!("{other:?}"),
        }
    }

    const URL: (&str, &str) = ("CODER_AGENT_URL", "https://coder.example.com/");
    const TOKEN: (&str, &str) = ("CODER_AGENT_TOKEN", "secret-token");

    #[test]
    fn the_environment_of_init_scripts_is_enough() {
        let arguments = parse(&[], &[URL, TOKEN, ("CODER_AGENT_AUTH", "token")]).unwrap();
        assert_eq!(arguments.url.as_str(), URL.1);
        assert_eq!(token(&arguments), "secret-token");
        assert_eq!(arguments.ssh_max_timeout, SshOptions::DEFAULT_MAX_TIMEOUT);
        assert!(!format!("{arguments:?}").contains("secret-token"));
        let arguments = parse(&[], &[URL, ("CODER_AGENT_TOKEN_FILE", "/run/token")]).unwrap();
        assert_eq!(token(&arguments), "from-file");
    }

    #[test]
    fn arguments_win_and_those_of_other_versions_are_accepted() {
        let arguments = parse(
            &[
                "--no-reap",
                "--pprof-address",
                "127.0.0.1:6060",
                "--devcontainers-enable=false",
                "--log-dir=/var/log",
                "--ssh-max-timeout",
                "1h30m",
                "--agent-header",
                "X-One=1,2",
                "--agent-header",
                "X-Two=2",
                "--agent-header-command=echo X-Three=3",
                "--agent-url",
                "http://localhost:3000",
            ],
            &[
                URL,
                TOKEN,
                ("CODER_AGENT_LOG_DIR", "/x"),
                ("CODER_AGENT_SUBSYSTEM", "envbox, exectrace"),
                ("CODER_AGENT_HEADER", "X-Four=4"),
            ],
        )
        .unwrap();
        assert_eq!(arguments.headers, ["X-One=1,2", "X-Two=2"]);
        let command = arguments.header_command.as_deref();
        assert_eq!(command, Some("echo X-Three=3"));
        assert_eq!(arguments.url.as_str(), "http://localhost:3000/");
        assert_eq!(arguments.log_dir, PathBuf::from("/var/log"));
        assert_eq!(arguments.ssh_max_timeout, Duration::from_secs(5_400));
        assert_eq!(arguments.subsystems, ["envbox", "exectrace"]);
    }

    #[test]
    fn headers_come_from_the_environment_too() {
        let headers = ("CODER_AGENT_HEADER", "X-One=1, X-Two=2");
        let command = ("CODER_AGENT_HEADER_COMMAND", "cat headers");
        let arguments = parse(&[], &[URL, TOKEN, headers, command]).unwrap();
        assert_eq!(arguments.headers, ["X-One=1", "X-Two=2"]);
        assert_eq!(arguments.header_command.as_deref(), Some("cat headers"));
    }

    #[test]
    fn a_machine_of_a_cloud_needs_no_token() {
        let auth = ("CODER_AGENT_AUTH", "aws-instance-identity");
        let metadata = ("CODER_AGENT_METADATA_URL", "http://127.0.0.1:1");
        let arguments = parse(&["--agent-name=main"], &[URL, auth, metadata]).unwrap();
        let AgentAuth::Instance {
            cloud,
            agent_name,
            metadata_url,
        } = arguments.auth
        else {
            panic!("{arguments:?}");
        };
        assert_eq!((cloud, agent_name.as_str()), (Cloud::Aws, "main"));
        assert_eq!(metadata_url.unwrap().port(), Some(1));
        let arguments = parse(&["--auth", "token"], &[URL, TOKEN, auth]).unwrap();
        assert_eq!(token(&arguments), "secret-token");
    }

    #[test]
    fn dev_containers_are_on_until_told_otherwise() {
        let of = |arguments: &[&str], variables: &[(&str, &str)]| {
            let variables = [&[URL, TOKEN], variables].concat();
            let arguments = parse(arguments, &variables).unwrap();
            [
                arguments.devcontainers,
                arguments.devcontainer_discovery,
                arguments.devcontainer_autostart,
            ]
        };
        assert_eq!(of(&[], &[]), [true, true, false]);
        let off = ("CODER_AGENT_DEVCONTAINERS_ENABLE", "False");
        assert_eq!(
            of(&["--devcontainers-discovery-autostart-enable"], &[off]),
            [false, true, true]
        );
        assert_eq!(
            of(&["--devcontainers-enable=true"], &[off]),
            [true, true, false]
        );
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        for (arguments, variables, expected) in [
            (&[][..], &[TOKEN][..], "CODER_AGENT_URL"),
            (&[], &[URL], "CODER_AGENT_TOKEN"),
            (
                &[],
                &[URL, TOKEN, ("CODER_AGENT_AUTH", "ibm-instance-identity")],
                "CODER_AGENT_AUTH",
            ),
            (
                &[],
                &[TOKEN, ("CODER_AGENT_URL", "example")],
                "CODER_AGENT_URL",
            ),
            (&["--wat"], &[URL, TOKEN], "--wat"),
            (
                &["--ssh-max-timeout", "1x"],
                &[URL, TOKEN],
                "CODER_AGENT_SSH_MAX_TIMEOUT",
            ),
        ] {
            let error = parse(arguments, variables).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret-token"));
        }
    }

    #[test]
    fn switches_forbid() {
        let blocked = |arguments: &[&str], variables: &[(&str, &str)]| {
            let variables = [&[URL, TOKEN], variables].concat();
            parse(arguments, &variables).unwrap().ssh_blocked
        };
        assert_eq!(blocked(&[], &[]), Blocked::default());
        let all = Blocked {
            file_transfer: true,
            reverse_port_forwarding: true,
            local_port_forwarding: true,
        };
        let arguments = [
            "--block-file-transfer",
            "--block-reverse-port-forwarding=true",
            "--block-local-port-forwarding=1",
        ];
        assert_eq!(blocked(&arguments, &[]), all);
        let variables = [
            ("CODER_AGENT_BLOCK_FILE_TRANSFER", "true"),
            ("CODER_AGENT_BLOCK_REVERSE_PORT_FORWARDING", "1"),
            ("CODER_AGENT_BLOCK_LOCAL_PORT_FORWARDING", "T"),
        ];
        assert_eq!(blocked(&[], &variables), all);
        let only = blocked(
            &["--block-file-transfer=false"],
            &[
                variables[0],
                ("CODER_AGENT_BLOCK_LOCAL_PORT_FORWARDING", "false"),
            ],
        );
        assert_eq!(only, Blocked::default());
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("72h", Some(259_200_000)),
            ("1m5s", Some(65_000)),
            ("10ms", Some(10)),
            ("", None),
            ("5", None),
            ("h", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(
                parse_duration(text),
                expected.map(Duration::from_millis),
                "{text}"
            );
        }
    }
}

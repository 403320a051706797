use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use coder_core::clock::OsEntropy;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::main::{complain, print};
use super::{AgentArguments, AgentAuth, UsageError, VERSION_LINE, logging};
use crate::headers::headers;
use crate::instance_identity::MetadataService;
use crate::platform::process::environment;
use crate::platform::signals::EndRequests;
use crate::ssh::Environment;
use crate::{Agent, AgentClient, AgentOptions, Result};

const HELP: &str = "\
Usage: coder agent [OPTIONS]

Connects this workspace to the server. Init scripts of templates call it.

Options:
      --agent-url <URL>           The server [env: CODER_AGENT_URL]
      --agent-token <TOKEN>       Better by [env: CODER_AGENT_TOKEN or CODER_AGENT_TOKEN_FILE]
      --auth <HOW>                token, or aws-, azure- or google-instance-identity
                                  [env: CODER_AGENT_AUTH] [default: token]
      --agent-name <NAME>         Which of several agents of the machine [env: CODER_AGENT_NAME]
      --log-dir <DIR>             Where scripts' output is kept [env: CODER_AGENT_LOG_DIR]
      --script-data-dir <DIR>     Where scripts keep data [env: CODER_AGENT_SCRIPT_DATA_DIR]
      --agent-header <NAME=VALUE> Header of each request, repeatable [env: CODER_AGENT_HEADER]
      --agent-header-command <COMMAND>
                                  Prints further headers [env: CODER_AGENT_HEADER_COMMAND]
      --ssh-max-timeout <TIME>    How long SSH clients may be silent [default: 72h]
      --devcontainers-enable      Start dev containers, and list containers [default: true]
      --block-file-transfer           Refuse sftp, scp, rsync and nc
      --block-reverse-port-forwarding Refuse ssh -R
      --block-local-port-forwarding   Refuse ssh -L and -D
      --no-reap                   Run without a supervisor, which restarts the agent and reaps as PID 1
      --log-json                  Log as JSON
  -v, --verbose                   Log more [env: CODER_VERBOSE]
";

/// Tokens are shorter than this, in bytes.
const MAX_TOKEN_FILE_BYTES: u64 = 4_096;

/// How long calls to the file system may go on when everything else has ended.
const LAST_CALLS_TIMEOUT: Duration = Duration::from_secs(1);

/// How long signals are taken for one wish to end: who sends one to the agent's process group reaches the agent and its
/// supervisor, which passes it on.
const SAME_REQUEST: Duration = Duration::from_secs(2);

/// Two workers are enough for what an agent moves, and cost little memory.
const WORKER_THREADS: usize = 2;

/// `coder agent`: the arguments after `agent`. Returns after SIGTERM or SIGINT.
pub fn agent_main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut variables = environment();
    let words: Vec<OsString> = arguments.collect();
    let arguments = match AgentArguments::parse(words.iter().cloned(), &variables, read_token) {
        Ok(arguments) => arguments,
        Err(UsageError::Help) => return print(HELP.trim_end()),
        Err(error) => return complain(&format!("coder agent: {error}\n")),
    };
    logging::set_up(arguments.log_json, arguments.verbose);
    if let Some(code) = watched_over(&arguments, &words, &mut variables) {
        return code;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build();
    let ended = runtime
        .map_err(|error| format!("runtime cannot be started: {error}"))
        .and_then(|runtime| {
            let ended = runtime.block_on(run(arguments, variables));
            // A file system that does not answer must not keep the agent from ending.
            runtime.shutdown_timeout(LAST_CALLS_TIMEOUT);
            ended
        });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "agent failed");
            ExitCode::FAILURE
        }
    }
}

/// Lets a supervisor run the agent; `None` in the process that is to be the agent.
#[cfg(unix)]
fn watched_over(
    arguments: &AgentArguments,
    words: &[OsString],
    variables: &mut Environment,
) -> Option<ExitCode> {
    use super::supervisor::{SUPERVISOR, end_with, supervise};

    match variables.remove(OsStr::new(SUPERVISOR)) {
        Some(supervisor) => (!end_with(&supervisor)).then_some(ExitCode::FAILURE),
        None if arguments.no_reap => None,
        None => match supervise(words) {
            Ok(code) => Some(code),
            Err(error) => {
                // The agent itself is what matters.
                tracing::warn!(%error, "agent runs without a supervisor");
                None
            }
        },
    }
}

/// Elsewhere the system's services watch over programs.
#[cfg(not(unix))]
const fn watched_over(
    _arguments: &AgentArguments,
    _words: &[OsString],
    _variables: &mut Environment,
) -> Option<ExitCode> {
    None
}

async fn run(arguments: AgentArguments, variables: Environment) -> Result<(), String> {
    // What sessions call finds the server here, also when only the command line named it.
    let mut variables = variables;
    variables.insert("CODER_AGENT_URL".into(), arguments.url.as_str().into());
    let client = client(&arguments).map_err(|error| error.to_string())?;
    let client = Arc::new(client);
    let options = AgentOptions {
        token: client.token().clone(),
        process_environment: variables,
        executable: executable(),
        log_dir: arguments.log_dir,
        script_data_dir: arguments.script_data_dir,
        ssh_max_timeout: arguments.ssh_max_timeout,
        ssh_blocked: arguments.ssh_blocked,
        subsystems: arguments.subsystems,
        devcontainers: arguments.devcontainers,
        devcontainer_discovery: arguments.devcontainer_discovery,
        devcontainer_autostart: arguments.devcontainer_autostart,
        url: arguments.url.as_str().to_owned(),
        ..AgentOptions::default()
    };
    tracing::info!(version = VERSION_LINE, server = %arguments.url, "agent starts");
    let shutdown = CancellationToken::new();
    on_signal(shutdown.clone()).map_err(|error| format!("signals cannot be heard: {error}"))?;
    let agent = Agent::new(options, Arc::clone(&client) as Arc<_>, client);
    agent.run(shutdown).await.map_err(|error| error.to_string())
}

fn client(arguments: &AgentArguments) -> Result<AgentClient> {
    let client = match &arguments.auth {
        AgentAuth::Token(token) => AgentClient::new(&arguments.url, token.expose())?,
        AgentAuth::Instance {
            cloud,
            agent_name,
            metadata_url,
        } => {
            let entropy = Arc::new(OsEntropy);
            let source = MetadataService::new(*cloud, metadata_url.clone(), agent_name, entropy)?;
            AgentClient::with_identity(&arguments.url, Box::new(source))?
        }
    };
    client.with_headers(&headers(
        &arguments.headers,
        arguments.header_command.as_deref(),
        arguments.url.as_str(),
    )?)
}

/// Cancels `shutdown` when somebody wants this process to end; when that happens again later, it ends at once.
fn on_signal(shutdown: CancellationToken) -> io::Result<()> {
    let mut requests = EndRequests::listen()?;
    tokio::spawn(async move {
        requests.next().await;
        tracing::info!("signal received");
        shutdown.cancel();
        let same = async {
            loop {
                requests.next().await;
            }
        };
        let _: Result<(), _> = timeout(SAME_REQUEST, same).await;
        requests.next().await;
        tracing::warn!("second signal received, ending at once");
        std::process::exit(1);
    });
    Ok(())
}

/// The running binary. After an update in place the kernel calls the old one deleted; then the
/// new one under the same name is meant.
fn executable() -> Option<std::path::PathBuf> {
    let path = std::env::current_exe().ok()?;
    let text = path
        .to_str()
        .and_then(|text| text.strip_suffix(" (deleted)"));
    Some(text.map_or_else(|| path.clone(), Into::into))
}

fn read_token(path: &OsStr) -> io::Result<String> {
    let mut token = String::new();
    std::fs::File::open(path)?
        .take(MAX_TOKEN_FILE_BYTES)
        .read_to_string(&mut token)?;
    Ok(token)
}

use std::path::PathBuf;
use std::time::Duration;

use super::{Blocked, Environment, HostKey, User, WorkspaceEnvironment};

/// What an [`SshServer`](super::SshServer) needs once.
#[derive(Clone, Debug)]
pub struct SshOptions {
    /// Proves to clients that this is the workspace they saw last time.
    pub host_key: HostKey,
    /// Who sessions run as.
    pub user: User,
    /// The agent's own environment, the lowest level of that of sessions.
    pub process_environment: Environment,
    /// How long a client may be silent (`--ssh-max-timeout`). Below three seconds: how long a
    /// connection may last.
    pub max_timeout: Duration,
    /// What is not allowed.
    pub blocked: Blocked,
}

impl SshOptions {
    /// The longest silence by default: 72 hours.
    pub const DEFAULT_MAX_TIMEOUT: Duration = Duration::from_secs(72 * 60 * 60);
}

/// What the server may tell anew at any time; it counts for sessions that begin later.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceSettings {
    /// Names, variables and secrets of the workspace.
    pub environment: WorkspaceEnvironment,
    /// Where sessions start, see [`working_directory`](super::command::working_directory).
    pub directory: String,
    /// Shown at login unless the user has a file `~/.hushlogin`.
    pub motd_file: Option<PathBuf>,
    /// Announcements of the deployment, shown at login; blank ones are not.
    pub announcement_banners: Vec<String>,
}

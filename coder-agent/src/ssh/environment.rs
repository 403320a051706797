//! The environment of sessions and scripts.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use uuid::Uuid;

use super::User;
use crate::platform::text::{DEFAULT_PATH, PATH_SEPARATOR, os_str, os_string};

/// Names and values; ordered, so that what is computed from it is the same every time.
pub type Environment = BTreeMap<OsString, OsString>;

/// What the workspace adds to the environment of its sessions and scripts.
#[derive(Clone, Default)]
pub struct WorkspaceEnvironment {
    /// `CODER_WORKSPACE_NAME`.
    pub workspace_name: String,
    /// `CODER_WORKSPACE_AGENT_NAME`.
    pub agent_name: String,
    /// `CODER_WORKSPACE_OWNER_NAME`.
    pub owner_name: String,
    /// `CODER_WORKSPACE_ID`.
    pub workspace_id: Uuid,
    /// `CODER_AGENT_TOKEN`.
    pub agent_token: Option<String>,
    /// The binary that answers `gitssh` and serves as `GIT_ASKPASS`; `None` leaves Git alone.
    pub git_helper: Option<PathBuf>,
    /// `VSCODE_PROXY_URI`, on deployments with a wildcard host.
    pub vscode_proxy_uri: Option<String>,
    /// The template's variables. `$NAME` and `${NAME}` are replaced by what the levels below have.
    pub environment_variables: BTreeMap<String, String>,
    /// The user's secrets with a variable name, taken as they are.
    pub secrets: BTreeMap<String, String>,
    /// Put before the other folders in `PATH`.
    pub path_prefix: Option<PathBuf>,
    /// Put behind the other folders in `PATH`.
    pub path_suffix: Option<PathBuf>,
}

impl WorkspaceEnvironment {
    /// The complete environment, each level winning over those before it:
    ///
    /// 1. `process`, the agent's own, with `USER`, `LOGNAME`, `SHELL`, and `HOME` and `PATH` if
    ///    they are missing;
    /// 2. `client`, what the SSH client set;
    /// 3. the fixed ones of the workspace;
    /// 4. [`environment_variables`](Self::environment_variables);
    /// 5. [`secrets`](Self::secrets);
    /// 6. `GIT_ASKPASS` and the additions to `PATH`.
    #[must_use]
    pub fn resolve(&self, process: &Environment, user: &User, client: &Environment) -> Environment {
        let mut all = process.clone();
        set(&mut all, "USER", &user.name);
        set(&mut all, "LOGNAME", &user.name);
        set(&mut all, "SHELL", &user.shell);
        all.entry("HOME".into())
            .or_insert_with(|| user.home.clone().into());
        all.entry("PATH".into())
            .or_insert_with(|| DEFAULT_PATH.into());
        all.extend(
            client
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        self.add_fixed(&mut all);
        let below = all.clone();
        for (name, value) in &self.environment_variables {
            set(&mut all, name, expand(OsStr::new(value), &below));
        }
        for (name, value) in &self.secrets {
            set(&mut all, name, value);
        }
        if let Some(helper) = &self.git_helper {
            set(&mut all, "GIT_ASKPASS", helper);
        }
        self.extend_path(&mut all);
        all
    }

    fn add_fixed(&self, all: &mut Environment) {
        set(all, "CODER", "true");
        set(all, "CODER_WORKSPACE_NAME", &self.workspace_name);
        set(all, "CODER_WORKSPACE_AGENT_NAME", &self.agent_name);
        set(all, "CODER_WORKSPACE_OWNER_NAME", &self.owner_name);
        set(all, "CODER_WORKSPACE_ID", self.workspace_id.to_string());
        set(all, "CS_DISABLE_GETTING_STARTED_OVERRIDE", "true");
        if let Some(token) = &self.agent_token {
            set(all, "CODER_AGENT_TOKEN", token);
        }
        if let Some(uri) = &self.vscode_proxy_uri {
            set(all, "VSCODE_PROXY_URI", uri);
        }
        if let Some(helper) = &self.git_helper {
            let mut command = shell_word(helper.as_os_str());
            command.push(" gitssh --");
            set(all, "GIT_SSH_COMMAND", command);
        }
    }

    fn extend_path(&self, all: &mut Environment) {
        let current = all.get(OsStr::new("PATH")).filter(|path| !path.is_empty());
        let parts: Vec<OsString> = [
            self.path_prefix.as_ref().map(OsString::from),
            current.cloned(),
            self.path_suffix.as_ref().map(OsString::from),
        ]
        .into_iter()
        .flatten()
        .collect();
        set(all, "PATH", parts.join(OsStr::new(PATH_SEPARATOR)));
    }
}

impl fmt::Debug for WorkspaceEnvironment {
    /// Leaves out the token and the values of variables, any of which may be a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WorkspaceEnvironment")
            .field("workspace_name", &self.workspace_name)
            .field("agent_name", &self.agent_name)
            .field("owner_name", &self.owner_name)
            .field("workspace_id", &self.workspace_id)
            .field("environment_variables", &self.environment_variables.keys())
            .field("secrets", &self.secrets.keys())
            .finish_non_exhaustive()
    }
}

/// A text as one word of a shell's line: Git runs the command that way.
fn shell_word(text: &OsStr) -> OsString {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(byte);
    if text.as_encoded_bytes().iter().all(plain) {
        return text.to_owned();
    }
    let mut word = vec![b'\''];
    for &byte in text.as_encoded_bytes() {
        match byte {
            b'\'' => word.extend_from_slice(b"'\\''"),
            byte => word.push(byte),
        }
    }
    word.push(b'\'');
    os_string(word)
}

/// Replaces `$NAME` and `${NAME}` by their values, unknown names by nothing. A `$` that starts no
/// name is kept.
#[must_use]
pub fn expand(text: &OsStr, environment: &Environment) -> OsString {
    let mut expanded = Vec::with_capacity(text.len());
    let mut rest = text.as_encoded_bytes();
    while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
        let (before, after) = rest.split_at(dollar);
        expanded.extend_from_slice(before);
        rest = match variable(after) {
            Some((name, behind)) => {
                if let Some(value) = environment.get(&*os_str(name)) {
                    expanded.extend_from_slice(value.as_encoded_bytes());
                }
                behind
            }
            None => {
                expanded.push(b'$');
                after.get(1..).unwrap_or_default()
            }
        };
    }
    expanded.extend_from_slice(rest);
    os_string(expanded)
}

/// Splits `$NAME…` or `${NAME}…` into the name and what follows.
fn variable(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let body = text.strip_prefix(b"$")?;
    if let Some(braced) = body.strip_prefix(b"{") {
        let end = braced.iter().position(|byte| *byte == b'}')?;
        let (name, behind) = braced.split_at(end);
        return is_name(name).then_some((name, behind.get(1..).unwrap_or_default()));
    }
    let end = body
        .iter()
        .position(|byte| !is_name_byte(*byte))
        .unwrap_or(body.len());
    let (name, behind) = body.split_at(end);
    is_name(name).then_some((name, behind))
}

fn is_name(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| !byte.is_ascii_digit())
        && name.iter().copied().all(is_name_byte)
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Sets a variable, unless the operating system could not take it.
fn set(environment: &mut Environment, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
    let (name, value) = (name.as_ref(), value.as_ref());
    if is_settable(name, value) {
        environment.insert(name.to_owned(), value.to_owned());
    }
}

/// Whether a variable can be given to a process at all.
pub(super) fn is_settable(name: &OsStr, value: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    !bytes.is_empty()
        && !bytes.iter().any(|byte| matches!(byte, b'=' | 0))
        && !value.as_encoded_bytes().contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    fn get<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
        environment
            .get(OsStr::new(name))
            .map(|value| value.to_str().unwrap())
    }

    fn user() -> User {
        User {
            name: "alice".into(),
            home: "/home/alice".into(),
            shell: "/bin/bash".into(),
        }
    }

    #[test]
    fn levels_win_in_order() {
        let workspace = WorkspaceEnvironment {
            workspace_name: "dev".into(),
            environment_variables: BTreeMap::from([
                ("PATH".into(), "$HOME/bin:${PATH}".into()),
                ("EDITOR".into(), "vi".into()),
                ("CODER".into(), "template".into()),
                ("SECRET".into(), "$HOME".into()),
            ]),
            secrets: BTreeMap::from([("SECRET".into(), "$HOME".into())]),
            path_prefix: Some("/bin-dir".into()),
            path_suffix: Some("/agent".into()),
            ..WorkspaceEnvironment::default()
        };
        let process = environment(&[
            ("USER", "root"),
            ("CODER_WORKSPACE_NAME", "x"),
            ("HOME", "/srv"),
        ]);
        let client = environment(&[
            ("EDITOR", "nano"),
            ("LANG", "C"),
            ("CODER_WORKSPACE_ID", "?"),
        ]);
        let all = workspace.resolve(&process, &user(), &client);
        assert_eq!(get(&all, "USER"), Some("alice"));
        assert_eq!(get(&all, "HOME"), Some("/srv"));
        assert_eq!(get(&all, "CODER_WORKSPACE_NAME"), Some("dev"));
        assert_eq!(
            get(&all, "CODER_WORKSPACE_ID"),
            Some("00000000-0000-0000-0000-000000000000")
        );
        assert_eq!(get(&all, "EDITOR"), Some("vi"));
        assert_eq!(get(&all, "LANG"), Some("C"));
        assert_eq!(get(&all, "CODER"), Some("template"));
        assert_eq!(get(&all, "SECRET"), Some("$HOME"));
        assert_eq!(
            get(&all, "PATH").unwrap(),
            format!("/bin-dir:/srv/bin:{DEFAULT_PATH}:/agent")
        );
        assert_eq!(get(&all, "GIT_ASKPASS"), None);
    }

    #[test]
    fn the_git_helper_is_set_when_there_is_one() {
        let workspace = WorkspaceEnvironment {
            git_helper: Some("/opt/coder".into()),
            agent_token: Some("token".into()),
            ..WorkspaceEnvironment::default()
        };
        let all = workspace.resolve(&Environment::new(), &user(), &Environment::new());
        assert_eq!(get(&all, "GIT_SSH_COMMAND"), Some("/opt/coder gitssh --"));
        assert_eq!(get(&all, "GIT_ASKPASS"), Some("/opt/coder"));
        assert_eq!(
            shell_word(OsStr::new("/a b/it's")),
            OsStr::new("'/a b/it'\\''s'")
        );
        assert!(!format!("{workspace:?}").contains("token"));
    }

    #[test]
    fn expansion() {
        let known = environment(&[("A", "1"), ("LONG_NAME2", "two")]);
        for (text, expected) in [
            ("$A", "1"),
            ("x${A}y$LONG_NAME2.z", "x1ytwo.z"),
            ("$UNKNOWN|", "|"),
            ("$", "$"),
            ("$$A", "$1"),
            ("100$ ${", "100$ ${"),
            ("${not a name}", "${not a name}"),
            ("$1", "$1"),
        ] {
            assert_eq!(
                expand(OsStr::new(text), &known),
                OsStr::new(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_the_system_cannot_take_is_left_out() {
        let workspace = WorkspaceEnvironment {
            environment_variables: BTreeMap::from([
                ("A=B".into(), "1".into()),
                (String::new(), "1".into()),
                ("C".into(), "\0".into()),
            ]),
            ..WorkspaceEnvironment::default()
        };
        let all = workspace.resolve(&Environment::new(), &user(), &Environment::new());
        assert!(all.iter().all(|(name, value)| is_settable(name, value)));
        assert_eq!(get(&all, "C"), None);
    }
}

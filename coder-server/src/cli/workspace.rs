//! Finding workspaces and agents by what people type.

use super::{
    client::Client,
    error::{CliError, CliResult},
    types::{Agent, Workspace},
};

/// `[owner/]workspace[.agent]`; older clients also write `--` for the slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkspaceName {
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) agent: Option<String>,
}

impl WorkspaceName {
    /// Reads the form.
    pub(crate) fn parse(text: &str) -> CliResult<Self> {
        let invalid = || {
            CliError::new(format!("{text:?} is not the name of a workspace"))
                .hint("Write workspace, owner/workspace or workspace.agent.")
        };
        let (owner, rest) = text
            .split_once('/')
            .or_else(|| text.split_once("--"))
            .unwrap_or(("me", text));
        let (name, agent) = match rest.split_once('.') {
            Some((name, agent)) => (name, Some(agent)),
            None => (rest, None),
        };
        let valid = |name: &str| coder_core::name::check_name("name", name).is_ok();
        let valid_agent = agent.is_none_or(coder_core::name::is_agent_name);
        if !valid(owner) || !valid(name) || !valid_agent {
            return Err(invalid());
        }
        Ok(Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
            agent: agent.map(str::to_owned),
        })
    }

    /// Reads a host name as `ssh` passes it: with a prefix (`coder.dev`) or a suffix (`dev.coder`).
    pub(crate) fn parse_host(text: &str, prefix: &str, suffix: &str) -> CliResult<Self> {
        let without_prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        let without_prefix = without_prefix.and_then(|prefix| text.strip_prefix(prefix));
        let without_suffix = Some(suffix).filter(|suffix| !suffix.is_empty());
        let without_suffix =
            without_suffix.and_then(|suffix| text.strip_suffix(&format!(".{suffix}")));
        let Some(text) = without_prefix else {
            let Some(text) = without_suffix else {
                return Self::parse(text);
            };
            // With a suffix the order is that of host names: agent.workspace.owner.
            return match text.split('.').collect::<Vec<_>>().as_slice() {
                [workspace] => Self::parse(workspace),
                [agent, workspace] => Self::parse(&format!("{workspace}.{agent}")),
                [agent, workspace, owner] => Self::parse(&format!("{owner}/{workspace}.{agent}")),
                _ => Self::parse(text),
            };
        };
        Self::parse(text)
    }
}

/// The workspace of this name.
pub(crate) async fn find(client: &Client, name: &WorkspaceName) -> CliResult<Workspace> {
    let path = format!("api/v2/users/{}/workspace/{}", name.owner, name.name);
    let found = client.find(&path).await?;
    found.ok_or_else(|| {
        CliError::new(format!("there is no workspace {:?}", name.name))
            .hint("See yours with: coder list")
    })
}

/// The workspace that an argument names.
pub(crate) async fn find_by_text(client: &Client, text: &str) -> CliResult<Workspace> {
    find(client, &WorkspaceName::parse(text)?).await
}

/// The workspace again, as it is now.
pub(crate) async fn refresh(client: &Client, workspace: &Workspace) -> CliResult<Workspace> {
    client
        .get(&format!("api/v2/workspaces/{}", workspace.id))
        .await
}

/// The agent of this name, or the only one.
pub(crate) fn agent<'a>(workspace: &'a Workspace, name: Option<&str>) -> CliResult<&'a Agent> {
    let agents: Vec<&Agent> = workspace.agents().collect();
    let names = || {
        agents
            .iter()
            .map(|agent| agent.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (name, agents.as_slice()) {
        (_, []) => Err(
            CliError::new(format!("the workspace {:?} has no agent", workspace.name)).hint(
                format!("Start it with: coder start {}", workspace.full_name()),
            ),
        ),
        (None, [agent]) => Ok(agent),
        (None, _) => Err(CliError::new(format!(
            "the workspace {:?} has several agents",
            workspace.name
        ))
        .hint(format!("Write workspace.agent with one of: {}", names()))),
        (Some(name), agents) => {
            let found = agents
                .iter()
                .find(|agent| agent.name.eq_ignore_ascii_case(name));
            found.copied().ok_or_else(|| {
                CliError::new(format!("there is no agent {name:?}"))
                    .hint(format!("The agents are: {}", names()))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(owner: &str, name: &str, agent: Option<&str>) -> WorkspaceName {
        WorkspaceName {
            owner: owner.to_owned(),
            name: name.to_owned(),
            agent: agent.map(str::to_owned),
        }
    }

    #[test]
    fn names_have_an_owner_and_an_agent_or_not() {
        for (text, expected) in [
            ("dev", name("me", "dev", None)),
            ("ann/dev", name("ann", "dev", None)),
            ("ann--dev.main", name("ann", "dev", Some("main"))),
            ("dev.main", name("me", "dev", Some("main"))),
        ] {
            assert_eq!(WorkspaceName::parse(text).expect(text), expected);
        }
        for text in [
            "",
            "a/b/c",
            "-oProxyCommand=x",
            "dev;id",
            "dev.a_b",
            "$(id)",
            "dev\n",
        ] {
            WorkspaceName::parse(text).expect_err(text);
        }
    }

    #[test]
    fn host_names_have_a_prefix_or_a_suffix() {
        for (text, expected) in [
            ("coder.dev", name("me", "dev", None)),
            ("coder.ann--dev.main", name("ann", "dev", Some("main"))),
            ("dev.coder", name("me", "dev", None)),
            ("main.dev.coder", name("me", "dev", Some("main"))),
            ("main.dev.ann.coder", name("ann", "dev", Some("main"))),
        ] {
            let parsed = WorkspaceName::parse_host(text, "coder.", "coder").expect(text);
            assert_eq!(parsed, expected, "{text}");
        }
    }
}

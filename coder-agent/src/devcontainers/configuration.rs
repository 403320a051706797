//! What a project says of its dev container, and of the agent inside.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::protocol::SubAgentApp;

/// The most apps of one container.
const MAX_APPS: usize = 64;

/// The answer of `devcontainer read-configuration --include-merged-configuration`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Configuration {
    #[serde(rename = "mergedConfiguration")]
    merged: Merged,
    workspace: Workspace,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Merged {
    customizations: Customizations,
    remote_user: String,
    container_user: String,
}

/// Each feature and image may say something; the project comes last.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Customizations {
    coder: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Workspace {
    workspace_folder: String,
}

/// What is said of the agent inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    /// Its name; empty for that of the folder.
    pub(super) name: String,
    /// Whether there shall be none.
    pub(super) ignore: bool,
    /// The built-in buttons; the usual ones when nothing is said.
    pub(super) display_apps: Vec<String>,
    pub(super) apps: Vec<SubAgentApp>,
    /// Where its sessions begin.
    pub(super) directory: String,
    /// Whom it runs as; empty for the container's own user.
    pub(super) user: String,
}

/// `customizations.coder` of `devcontainer.json`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Customization {
    name: Option<String>,
    ignore: Option<bool>,
    display_apps: Option<BTreeMap<String, bool>>,
    apps: Vec<App>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct App {
    slug: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    command: String,
    #[serde(default)]
    icon: String,
    #[serde(default)]
    external: bool,
    #[serde(default)]
    subdomain: bool,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    group: String,
    #[serde(default)]
    order: i32,
    share: Option<coder_core::template::SharingLevel>,
    open_in: Option<coder_core::workspace_app::OpenIn>,
}

/// The built-in buttons that are shown when nothing else is said: those of templates.
const USUAL_APPS: [(&str, bool); 5] = [
    ("vscode", true),
    ("vscode_insiders", false),
    ("web_terminal", true),
    ("port_forwarding_helper", true),
    ("ssh_helper", true),
];

impl Configuration {
    /// What all say of the agent inside; a later word wins over an earlier one.
    pub(super) fn wishes(self) -> Wishes {
        let mut wishes = Wishes {
            directory: self.workspace.workspace_folder,
            user: if self.merged.remote_user.is_empty() {
                self.merged.container_user
            } else {
                self.merged.remote_user
            },
            ..Wishes::default()
        };
        let mut shown: BTreeMap<String, bool> = USUAL_APPS
            .map(|(name, shown)| (name.to_owned(), shown))
            .into();
        let mut apps: BTreeMap<String, App> = BTreeMap::new();
        for value in self.merged.customizations.coder {
            // What cannot be read says nothing.
            let Ok(said) = serde_json::from_value::<Customization>(value) else {
                continue;
            };
            wishes.name = said.name.unwrap_or(wishes.name);
            wishes.ignore = said.ignore.unwrap_or(wishes.ignore);
            for (name, show) in said.display_apps.unwrap_or_default() {
                if let Some(known) = shown.get_mut(&name) {
                    *known = show;
                }
            }
            apps.extend(said.apps.into_iter().map(|app| (app.slug.clone(), app)));
        }
        wishes.apps = apps.into_values().take(MAX_APPS).map(to_app).collect();
        let shown = shown.into_iter().filter(|(_, shown)| *shown);
        wishes.display_apps = shown.map(|(name, _)| name).collect();
        wishes
    }
}

fn to_app(app: App) -> SubAgentApp {
    SubAgentApp {
        slug: app.slug,
        display_name: app.display_name,
        url: app.url,
        command: app.command,
        icon: app.icon,
        external: app.external,
        subdomain: app.subdomain,
        hidden: app.hidden,
        share: app.share,
        open_in: app.open_in,
        group: app.group,
        order: app.order,
    }
}

/// A text as the name of an agent: letters and digits with single hyphens; `devcontainer` if nothing is left.
pub(super) fn agent_name(text: &str) -> String {
    let words = text
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join("-");
    name.truncate(48);
    let name = name.trim_end_matches('-');
    if name.is_empty() {
        "devcontainer"
    } else {
        name
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read() {
        // Of @devcontainers/cli 0.89.0, shortened; a feature came before the project.
        let text = r#"{"configuration":{},"workspace":{"workspaceFolder":"/workspaces/proj"},
            "mergedConfiguration":{"remoteUser":"ann","customizations":{"coder":[
                {"apps":[{"slug":"docs","url":"http://localhost:1"},{"slug":"db","command":"psql"}]},
                {"name":3},
                {"name":"inner","displayApps":{"vscode":false,"unknown":true},
                 "apps":[{"slug":"docs","displayName":"Docs","url":"http://localhost:8000","share":"public"}]}
            ]}}}"#;
        let wishes = serde_json::from_str::<Configuration>(text)
            .unwrap()
            .wishes();
        assert_eq!(
            (wishes.name.as_str(), wishes.user.as_str()),
            ("inner", "ann")
        );
        assert_eq!(wishes.directory, "/workspaces/proj");
        assert_eq!(
            wishes.display_apps,
            ["port_forwarding_helper", "ssh_helper", "web_terminal"]
        );
        let slugs: Vec<&str> = wishes.apps.iter().map(|app| app.slug.as_str()).collect();
        assert_eq!(slugs, ["db", "docs"]);
        assert_eq!(wishes.apps[1].url, "http://localhost:8000");
        assert!(!wishes.ignore);
        let empty = serde_json::from_str::<Configuration>("{}")
            .unwrap()
            .wishes();
        assert_eq!(empty.display_apps.len(), 4);
    }

    #[test]
    fn names_of_agents() {
        for (text, expected) in [
            ("my_project", "my-project"),
            ("a..b", "a-b"),
            ("Ünï", "n"),
            ("", "devcontainer"),
            ("-", "devcontainer"),
        ] {
            assert_eq!(agent_name(text), expected, "{text}");
        }
        assert!(coder_core::name::is_agent_name(&agent_name(
            &"a-".repeat(60)
        )));
    }
}

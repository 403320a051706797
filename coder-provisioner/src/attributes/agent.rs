//! `coder_agent`.

use std::collections::BTreeMap;

use super::schema::{computed, default, list, optional, required, set};
use super::{DefaultValue, Rule};

attributes! {
    /// A process in the workspace through which users reach it.
    Agent = "coder_agent" {
        /// Links other resources of the same Terraform run to the agent.
        id: String = computed();
        /// The operating system of the machine that the agent runs on.
        os: String = required().rules(&[Rule::OneOf(&["linux", "darwin", "windows"])]);
        /// The architecture of the machine that the agent runs on.
        arch: String = required().rules(&[Rule::OneOf(&["amd64", "armv7", "arm64"])]);
        /// How the agent proves who it is.
        auth: String = default(DefaultValue::String("token")).rules(&[Rule::OneOf(&[
            "token",
            "google-instance-identity",
            "aws-instance-identity",
            "azure-instance-identity",
        ])]);
        /// The secret of an agent with `token` authentication: give it to the workload as
        /// `CODER_AGENT_TOKEN`.
        token: String = computed().sensitive();
        /// The script that fetches and starts the agent.
        init_script: String = computed();
        /// What the agent may ask of the server: all, or nothing that belongs to its user.
        api_key_scope: String =
            default(DefaultValue::String("all")).rules(&[Rule::OneOf(&["all", "no_user_data"])]);
        /// The directory in which sessions start.
        dir: String = optional().deprecated();
        /// Environment variables of sessions.
        env: BTreeMap<String, String> = optional();
        /// A script to run when the agent starts.
        startup_script: String = optional();
        /// Whether logins wait for the startup script.
        startup_script_behavior: String = default(DefaultValue::String("non-blocking"))
            .rules(&[Rule::OneOf(&["blocking", "non-blocking"])]);
        /// A script to run before the workspace stops.
        shutdown_script: String = optional();
        /// Seconds after which an agent that has not connected counts as timed out; 0 is never.
        connection_timeout: i64 =
            default(DefaultValue::Number(120)).rules(&[Rule::AtLeast(0)]);
        /// Where to find help when the agent does not connect.
        troubleshooting_url: String = optional();
        /// A file whose text is shown at login.
        motd_file: String = optional();
        /// The position in the user interface; then by name.
        order: i64 = optional();
    } blocks {
        /// A value that the agent reports regularly.
        metadata: AgentMetadata = list().unique(&["key"]);
        /// The built-in applications that the user interface offers.
        display_apps: DisplayApps = set().at_most(1);
        /// Watching of memory and volumes.
        resources_monitoring: ResourcesMonitoring = set().at_most(1);
    }
}

attributes! {
    /// A value that the agent reports regularly.
    AgentMetadata {
        /// The identity of the value.
        key: String = required();
        /// What to show for the key.
        display_name: String = optional();
        /// The command whose output is the value.
        script: String = required();
        /// Seconds after which the command is ended.
        timeout: i64 = optional();
        /// Seconds from one run to the next.
        interval: i64 = required();
        /// The position in the user interface; then by key.
        order: i64 = optional();
    }
}

attributes! {
    /// The built-in applications that the user interface offers.
    DisplayApps {
        /// VS Code on the desktop.
        vscode: bool = default(DefaultValue::Bool(true));
        /// VS Code Insiders on the desktop.
        vscode_insiders: bool = default(DefaultValue::Bool(false));
        /// The terminal in the browser.
        web_terminal: bool = default(DefaultValue::Bool(true));
        /// The menu of forwarded ports.
        port_forwarding_helper: bool = default(DefaultValue::Bool(true));
        /// The text that tells how to connect with SSH.
        ssh_helper: bool = default(DefaultValue::Bool(true));
    }
}

attributes! {
    /// Watching of memory and volumes.
    ResourcesMonitoring {} blocks {
        /// Watching of memory.
        memory: MemoryMonitor = set().at_most(1);
        /// Watching of a volume.
        volume: VolumeMonitor = set().unique(&["path"]);
    }
}

attributes! {
    /// Watching of memory.
    MemoryMonitor {
        /// Whether it is watched.
        enabled: bool = required();
        /// Percent used above which the user is told.
        threshold: i64 = required().rules(&[Rule::Between(0, 100)]);
    }
}

attributes! {
    /// Watching of a volume.
    VolumeMonitor {
        /// Where the volume is mounted.
        path: String = required().rules(&[Rule::NotEmpty, Rule::AbsolutePath]);
        /// Whether it is watched.
        enabled: bool = required();
        /// Percent used above which the user is told.
        threshold: i64 = required().rules(&[Rule::Between(0, 100)]);
    }
}

impl Agent {
    /// The display apps, with the defaults where the template says nothing.
    ///
    /// A provider may not add a block that the template does not have, so the state of an agent
    /// without the block has none.
    #[must_use]
    pub fn display_apps_or_default(&self) -> DisplayApps {
        let given = self.display_apps.first().cloned().unwrap_or_default();
        DisplayApps {
            vscode: given.vscode.or(Some(true)),
            vscode_insiders: given.vscode_insiders.or(Some(false)),
            web_terminal: given.web_terminal.or(Some(true)),
            port_forwarding_helper: given.port_forwarding_helper.or(Some(true)),
            ssh_helper: given.ssh_helper.or(Some(true)),
        }
    }
}

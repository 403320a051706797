//! Apps of agents.

use crate::{
    enums::string_enum,
    id::{WorkspaceAgentId, WorkspaceAppId},
    template::SharingLevel,
};

string_enum! {
    /// The state of an app's health check.
    pub enum AppHealth {
        /// It has none.
        Disabled => "disabled",
        /// Not checked yet.
        Initializing => "initializing",
        /// Answers.
        Healthy => "healthy",
        /// Does not answer.
        Unhealthy => "unhealthy",
    }
}

string_enum! {
    /// Where clients open an app.
    pub enum OpenIn {
        /// A window without browser controls.
        SlimWindow => "slim-window",
        /// A tab.
        Tab => "tab",
    }
}

/// An app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceApp {
    /// Identifier.
    pub id: WorkspaceAppId,
    /// Where it runs.
    pub agent_id: WorkspaceAgentId,
    /// Unique per template.
    pub slug: String,
    /// Shown name.
    pub display_name: String,
    /// URL or path of an icon.
    pub icon: String,
    /// Target inside the workspace, or any URL when `external`.
    pub url: String,
    /// Runs in a terminal instead of opening a URL.
    pub command: String,
    /// Whether the browser goes to `url` itself.
    pub external: bool,
    /// Whether it has a host name of its own.
    pub subdomain: bool,
    /// Who may open it.
    pub sharing_level: SharingLevel,
    /// URL that is asked for health; empty without check.
    pub healthcheck_url: String,
    /// Seconds between two checks.
    pub healthcheck_interval: i32,
    /// Failures until it is unhealthy.
    pub healthcheck_threshold: i32,
    /// State of the check.
    pub health: AppHealth,
    /// Whether clients leave it out.
    pub hidden: bool,
    /// Where it opens.
    pub open_in: OpenIn,
    /// Groups buttons; may be empty.
    pub group: String,
    /// Markdown.
    pub tooltip: String,
    /// Position in lists.
    pub display_order: i32,
}

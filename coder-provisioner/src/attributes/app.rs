//! `coder_app`.

use super::schema::{computed, default, optional, required, set};
use super::{DefaultValue, Rule};

attributes! {
    /// An application in the workspace, or a link, shown as a button.
    App = "coder_app" {
        /// The identity of the app.
        id: String = computed();
        /// The id of the agent, or the sub-agent of a dev container, that the app belongs to.
        agent_id: String = required();
        /// The name in URLs, unique over the whole template.
        slug: String = required().rules(&[Rule::Matches {
            pattern: "^[a-z0-9](-?[a-z0-9])*$",
            meaning: "lower-case letters and digits with single hyphens between them",
        }]);
        /// The name on the button; the slug when absent.
        display_name: String = optional().rules(&[Rule::MaxBytes(64)]);
        /// The URL or path of a picture.
        icon: String = optional().rules(&[Rule::Url]);
        /// Where the app answers, as seen from the workspace; any URL when `external`.
        url: String = optional().conflicts_with(&["command"]);
        /// A command to run in a terminal instead.
        command: String = optional().conflicts_with(&["url", "subdomain"]);
        /// Whether the URL is opened by the browser directly.
        external: bool = default(DefaultValue::Bool(false))
            .conflicts_with(&["healthcheck", "command", "subdomain", "share"]);
        /// Whether the app is served on a host name of its own rather than below a path.
        subdomain: bool = optional();
        /// Who may open the app.
        share: String = default(DefaultValue::String("owner"))
            .rules(&[Rule::OneOf(&["owner", "authenticated", "public"])]);
        /// A heading under which the button is put.
        group: String = optional().rules(&[Rule::MaxBytes(64)]);
        /// The position in the user interface; then by name.
        order: i64 = optional();
        /// Whether the button is left out.
        hidden: bool = default(DefaultValue::Bool(false));
        /// Where the app opens.
        open_in: String = default(DefaultValue::String("slim-window"))
            .rules(&[Rule::OneOf(&["tab", "slim-window"])]);
        /// Text shown with the button, in Markdown.
        tooltip: String = optional().rules(&[Rule::MaxBytes(2048)]);
    } blocks {
        /// How to tell whether the app works.
        healthcheck: Healthcheck = set().at_most(1).conflicts_with(&["command"]);
    }
}

attributes! {
    /// How to tell whether the app works: any HTTP answer below 500 counts as healthy.
    Healthcheck {
        /// The URL to ask, as seen from the workspace.
        url: String = required();
        /// Seconds from one check to the next.
        interval: i64 = required();
        /// How many checks in a row must fail before the app counts as unhealthy.
        threshold: i64 = required();
    }
}

//! `coder_ai_task`.

use super::Rule;
use super::schema::{computed, optional, required, set};

attributes! {
    /// Makes workspaces of the template usable for AI tasks.
    AiTask = "coder_ai_task" {
        /// The id of the task, or a random one outside a task.
        id: String = computed();
        /// The id of the app that shows the task.
        app_id: String =
            optional().or_computed().rules(&[Rule::Uuid]).conflicts_with(&["sidebar_app"]);
        /// What the user asked for.
        prompt: String = computed();
        /// Whether the build belongs to a task.
        enabled: bool = computed();
    } blocks {
        /// The app that shows the task, as older templates name it.
        sidebar_app: SidebarApp = set().at_most(1).deprecated();
    }
}

attributes! {
    /// The app that shows a task, as older templates name it.
    SidebarApp {
        /// The id of the app.
        id: String = required().rules(&[Rule::Uuid]);
    }
}

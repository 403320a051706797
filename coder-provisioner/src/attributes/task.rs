//! `data.coder_task`.

use super::schema::computed;

attributes! {
    /// The AI task that the build belongs to.
    Task = "coder_task" {
        /// The id of the task, or a random one outside a task.
        id: String = computed();
        /// What the user asked for.
        prompt: String = computed();
        /// Whether the build belongs to a task.
        enabled: bool = computed();
    }
}

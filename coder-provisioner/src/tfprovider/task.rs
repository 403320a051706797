//! The AI task that a build may belong to.

use uuid::Uuid;

use super::environment::Environment;

/// The id of the task, if the build belongs to one.
pub(super) fn task_id(environment: &Environment) -> Option<String> {
    let id = Uuid::parse_str(environment.get("CODER_TASK_ID")?).ok()?;
    (!id.is_nil()).then(|| id.to_string())
}

/// What the user asked for.
pub(super) fn task_prompt(environment: &Environment) -> &str {
    environment.text("CODER_TASK_PROMPT")
}

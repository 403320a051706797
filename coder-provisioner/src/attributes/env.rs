//! `coder_env`.

use super::schema::{computed, default, optional, required};
use super::{DefaultValue, Rule};

attributes! {
    /// An environment variable of an agent's sessions.
    Env = "coder_env" {
        /// The identity of the variable.
        id: String = computed();
        /// The id of the agent, or the sub-agent of a dev container, that it belongs to.
        agent_id: String = required();
        /// The name of the variable.
        name: String = required().rules(&[Rule::Matches {
            pattern: "^[a-zA-Z_][a-zA-Z0-9_]*$",
            meaning: "the name of an environment variable: letters, digits and underscores, not beginning with a digit",
        }]);
        /// The value of the variable.
        value: String = optional();
        /// What happens when several of the same name meet.
        merge_strategy: String = default(DefaultValue::String("replace"))
            .rules(&[Rule::OneOf(&["replace", "append", "prepend", "error"])]);
    }
}

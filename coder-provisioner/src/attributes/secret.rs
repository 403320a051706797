//! `data.coder_secret`.

use super::Rule;
use super::schema::{computed, optional, required};

attributes! {
    /// A secret that the user must have.
    Secret = "coder_secret" {
        /// `env:` and the variable, or `file:` and the path.
        id: String = computed();
        /// The environment variable that the secret is for.
        env: String = optional().conflicts_with(&["file"]).rules(&[Rule::Matches {
            pattern: "^[a-zA-Z_][a-zA-Z0-9_]*$",
            meaning: "the name of an environment variable: letters, digits and underscores, not beginning with a digit",
        }]);
        /// The file that the secret is for.
        file: String = optional().conflicts_with(&["env"]).rules(&[Rule::Matches {
            pattern: "^(/|~/)",
            meaning: "a path that starts with / or ~/",
        }]);
        /// What to tell the user who lacks the secret.
        help_message: String = required();
        /// The secret.
        value: String = computed().sensitive();
    }
}

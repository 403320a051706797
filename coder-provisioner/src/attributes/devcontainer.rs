//! `coder_devcontainer`.

use super::Rule;
use super::schema::{computed, optional, required};

attributes! {
    /// A dev container that an agent starts.
    Devcontainer = "coder_devcontainer" {
        /// The identity of the dev container.
        id: String = computed();
        /// The id of the agent that starts it.
        agent_id: String = required();
        /// The folder that holds the project.
        workspace_folder: String = required().rules(&[Rule::NotEmpty]);
        /// Where `devcontainer.json` is, when not in its usual place.
        config_path: String = optional();
        /// The id by which apps, scripts and variables attach to the agent inside.
        subagent_id: String = computed();
    }
}

//! `coder_external_agent`.

use super::schema::{computed, required};

attributes! {
    /// Marks an agent that runs on something that Terraform does not create.
    ExternalAgent = "coder_external_agent" {
        /// The identity of the mark.
        id: String = computed();
        /// The id of the agent.
        agent_id: String = required();
    }
}

//! `coder_agent_instance`.

use super::schema::{computed, required};

attributes! {
    /// Links the instance of a cloud to an agent that authenticates by instance identity.
    AgentInstance = "coder_agent_instance" {
        /// The identity of the link.
        id: String = computed();
        /// The id of the agent.
        agent_id: String = required();
        /// The id of the instance, as the cloud gives it.
        instance_id: String = required();
    }
}

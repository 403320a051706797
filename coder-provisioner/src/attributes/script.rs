//! `coder_script`.

use super::schema::{computed, default, optional, required};
use super::{DefaultValue, Rule};

attributes! {
    /// A script that an agent runs when it starts, before it stops, or on a schedule.
    Script = "coder_script" {
        /// The identity of the script.
        id: String = computed();
        /// The id of the agent, or the sub-agent of a dev container, that runs it.
        agent_id: String = required();
        /// The name of its log.
        display_name: String = required();
        /// The URL or path of a picture.
        icon: String = optional().rules(&[Rule::Url]);
        /// The text of the script.
        script: String = required();
        /// A file that receives the output; relative to the agent's log directory.
        log_path: String = optional();
        /// When to run, as a schedule of six fields that begins with the seconds.
        cron: String = optional();
        /// Whether it runs when the agent starts.
        run_on_start: bool = default(DefaultValue::Bool(false));
        /// Whether it runs before the agent stops.
        run_on_stop: bool = default(DefaultValue::Bool(false));
        /// Whether logins wait for it; only with `run_on_start`.
        start_blocks_login: bool = default(DefaultValue::Bool(false));
        /// Seconds after which it is ended; absent is never.
        timeout: i64 = default(DefaultValue::Number(0)).rules(&[Rule::AtLeast(1)]);
    }
}

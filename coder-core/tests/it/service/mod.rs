//! Use cases over the memory store with a clock that moves when told to.

mod agent_life;
mod agents;
mod builds;
mod harness;
mod jobs;
mod parameters;
mod presets;
mod provisioner_keys;
mod workspaces;

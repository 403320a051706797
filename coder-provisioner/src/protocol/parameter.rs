//! Template variables and presets of a template.

use serde::{Deserialize, Serialize};

/// A `variable` block of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateVariable {
    /// Name of the variable.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its type expression, such as `string` or `list(string)`; empty when not given.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its default as text, empty when it has none or it is null. Not a text: JSON.
    pub default_value: String,
    /// True when no default is written.
    pub required: bool,
    /// Whether it is marked as sensitive.
    pub sensitive: bool,
}

/// One value a preset sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresetParameter {
    /// Name of the parameter.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A `coder_workspace_preset` data source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preset {
    /// Unique name.
    pub name: String,
    /// Description, at most 128 characters.
    pub description: String,
    /// URL or path of an icon.
    pub icon: String,
    /// Chosen when the user chooses none; at most one of a template.
    pub default: bool,
    /// Values it sets, by name.
    pub parameters: Vec<PresetParameter>,
    /// How many workspaces to keep ready, when prebuilds are asked for.
    pub prebuild_instances: Option<i64>,
}

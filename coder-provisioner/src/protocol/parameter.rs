//! Rich parameters, template variables, presets and external logins of a template.

use serde::{Deserialize, Serialize};

use super::Sensitive;

/// The value a user chose for a parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RichParameterValue {
    /// Name of the parameter.
    pub name: String,
    /// Its value as text; a list is a JSON array.
    pub value: String,
}

/// The value of a Terraform variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableValue {
    /// Name of the variable.
    pub name: String,
    /// Its value, in Terraform's command line syntax.
    pub value: Sensitive,
    /// Whether the template calls it sensitive.
    pub sensitive: bool,
}

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

/// Type of a parameter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ParameterType {
    /// Text.
    #[default]
    #[serde(rename = "string")]
    String,
    /// A whole number.
    #[serde(rename = "number")]
    Number,
    /// `true` or `false`.
    #[serde(rename = "bool")]
    Bool,
    /// A JSON array of texts.
    #[serde(rename = "list(string)")]
    ListString,
}

impl ParameterType {
    /// The name in templates and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::ListString => "list(string)",
        }
    }
}

/// Form field of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterFormType {
    /// One of some options, all shown.
    Radio,
    /// A number between two bounds.
    Slider,
    /// A line of text.
    Input,
    /// One of some options, in a list.
    Dropdown,
    /// A box to tick.
    Checkbox,
    /// An on/off switch.
    Switch,
    /// Several of some options.
    MultiSelect,
    /// Free words.
    TagSelect,
    /// Several lines of text.
    Textarea,
    /// A parameter whose definition is broken.
    Error,
}

impl ParameterFormType {
    /// The name in templates and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Radio => "radio",
            Self::Slider => "slider",
            Self::Input => "input",
            Self::Dropdown => "dropdown",
            Self::Checkbox => "checkbox",
            Self::Switch => "switch",
            Self::MultiSelect => "multi-select",
            Self::TagSelect => "tag-select",
            Self::Textarea => "textarea",
            Self::Error => "error",
        }
    }
}

/// In which direction a number may change between builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidationMonotonicOrder {
    /// Only up.
    Increasing,
    /// Only down.
    Decreasing,
}

impl ValidationMonotonicOrder {
    /// The name in templates and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Increasing => "increasing",
            Self::Decreasing => "decreasing",
        }
    }
}

/// One choice of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RichParameterOption {
    /// Shown name.
    pub name: String,
    /// Markdown.
    pub description: String,
    /// The value it stands for.
    pub value: String,
    /// URL or path of an icon.
    pub icon: String,
}

/// A `coder_parameter` data source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RichParameter {
    /// Identity of the parameter across versions.
    pub name: String,
    /// Shown name, empty for `name`.
    pub display_name: String,
    /// Markdown.
    pub description: String,
    /// Type of the value.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// Form field.
    pub form_type: ParameterFormType,
    /// Whether it may change after the workspace was created.
    pub mutable: bool,
    /// Default as text, empty when there is none.
    pub default_value: String,
    /// URL or path of an icon.
    pub icon: String,
    /// Choices, empty for free input.
    pub options: Vec<RichParameterOption>,
    /// Pattern a text must match, empty for none.
    pub validation_regex: String,
    /// Message shown when validation fails.
    pub validation_error: String,
    /// Least number.
    pub validation_min: Option<i64>,
    /// Greatest number.
    pub validation_max: Option<i64>,
    /// Direction of change.
    pub validation_monotonic: Option<ValidationMonotonicOrder>,
    /// True when there is no default.
    pub required: bool,
    /// Not kept between builds.
    pub ephemeral: bool,
    /// Place in forms, then by name.
    pub order: i64,
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

/// A `coder_external_auth` data source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExternalAuthProvider {
    /// Id of the provider as configured on the server.
    pub id: String,
    /// Whether a build may go on without it.
    pub optional: bool,
}

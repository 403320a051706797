//! Rich parameters: what a user chooses when a workspace is built.

use crate::enums::string_enum;

string_enum! {
    /// The type of a parameter's value; every value is carried as text.
    pub enum ParameterType {
        /// Any text.
        String => "string",
        /// A number.
        Number => "number",
        /// `true` or `false`.
        Bool => "bool",
        /// A JSON array of strings.
        ListString => "list(string)",
    }
}

string_enum! {
    /// The direction in which a number may change from build to build.
    pub enum ValidationMonotonic {
        /// Never smaller than before.
        Increasing => "increasing",
        /// Never larger than before.
        Decreasing => "decreasing",
    }
}

/// One choice of a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct ParameterOption {
    /// Shown name, unique per parameter.
    pub name: String,
    /// Markdown.
    pub description: String,
    /// The value, unique per parameter.
    pub value: String,
    /// URL or path of an icon.
    pub icon: String,
}

/// A `coder_parameter` as found at import.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct RichParameter {
    /// Identity across versions.
    pub name: String,
    /// Shown name, may be empty.
    pub display_name: String,
    /// Markdown.
    pub description: String,
    /// Type of the value.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// How clients show it: `radio`, `dropdown`, `input`, `textarea`, `slider`, `checkbox`, `switch`,
    /// `tag-select`, `multi-select`, `error` or empty.
    pub form_type: String,
    /// Whether it may change after the workspace was created.
    pub mutable: bool,
    /// Used when nothing is given and `required` is false.
    pub default_value: String,
    /// URL or path of an icon.
    pub icon: String,
    /// The choices; any value when empty.
    pub options: Vec<ParameterOption>,
    /// A regular expression that text must match; empty for none.
    pub validation_regex: String,
    /// Message for a refused value, with the placeholders `{min}`, `{max}` and `{value}`.
    pub validation_error: String,
    /// Smallest number.
    pub validation_min: Option<i64>,
    /// Largest number.
    pub validation_max: Option<i64>,
    /// Direction of change.
    pub validation_monotonic: Option<ValidationMonotonic>,
    /// Whether a value must be given.
    pub required: bool,
    /// Whether the value is forgotten after the build.
    pub ephemeral: bool,
    /// Position in forms, then by name.
    pub order: i64,
}

impl Default for RichParameter {
    fn default() -> Self {
        Self {
            name: String::new(),
            display_name: String::new(),
            description: String::new(),
            kind: ParameterType::String,
            form_type: String::new(),
            mutable: false,
            default_value: String::new(),
            icon: String::new(),
            options: Vec::new(),
            validation_regex: String::new(),
            validation_error: String::new(),
            validation_min: None,
            validation_max: None,
            validation_monotonic: None,
            required: false,
            ephemeral: false,
            order: 0,
        }
    }
}

/// A value chosen for a parameter.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ParameterValue {
    /// Name of the parameter.
    pub name: String,
    /// The value as text.
    pub value: String,
}

//! `data.coder_parameter`.

use super::schema::{computed, default, list, optional, required};
use super::{DefaultValue, Rule};

attributes! {
    /// A value that the user chooses for the workspace.
    Parameter = "coder_parameter" {
        /// A random identity.
        id: String = computed();
        /// The identity of the parameter over all versions of the template.
        name: String = required().rules(&[Rule::NotEmpty]);
        /// The name in the user interface.
        display_name: String = optional();
        /// What the parameter is for, in Markdown.
        description: String = optional();
        /// The type of the value.
        r#type: String = default(DefaultValue::String("string"))
            .rules(&[Rule::OneOf(&["string", "number", "bool", "list(string)"])]);
        /// The control with which the value is chosen.
        form_type: String = optional().or_computed().rules(&[Rule::OneOf(&[
            "radio", "slider", "input", "dropdown", "checkbox", "switch", "multi-select",
            "tag-select", "textarea", "error",
        ])]);
        /// Settings of the control that change only its looks, as JSON.
        styling: String = default(DefaultValue::String("{}"));
        /// Whether the value may change after the workspace was created.
        mutable: bool = default(DefaultValue::Bool(false));
        /// The value when the user gives none; without it the user must.
        default: String = optional();
        /// The URL or path of a picture.
        icon: String = optional().rules(&[Rule::Url]);
        /// The position in the user interface; then by name.
        order: i64 = optional();
        /// Whether the value is forgotten after the build.
        ephemeral: bool = default(DefaultValue::Bool(false));
        /// Whether the user may leave the value to the template.
        optional: bool = computed();
        /// The value, as text.
        value: String = computed();
    } blocks {
        /// A value to choose from.
        option: ParameterOption = list();
        /// What the value must satisfy.
        validation: ParameterValidation = list().at_most(1);
    }
}

attributes! {
    /// A value to choose from.
    ParameterOption {
        /// The name in the user interface.
        name: String = required();
        /// What it is for, in Markdown.
        description: String = optional();
        /// The value.
        value: String = required();
        /// The URL or path of a picture.
        icon: String = optional().rules(&[Rule::Url]);
    }
}

attributes! {
    /// What the value of a parameter must satisfy.
    ParameterValidation {
        /// The least number.
        min: i64 = optional();
        /// Whether there is no least number.
        min_disabled: bool = computed();
        /// The largest number.
        max: i64 = optional();
        /// Whether there is no largest number.
        max_disabled: bool = computed();
        /// The direction in which the number may change from build to build.
        monotonic: String = optional().rules(&[Rule::OneOf(&["increasing", "decreasing"])]);
        /// A regular expression that the text must match.
        regex: String = optional().conflicts_with(&["min", "max", "monotonic"]);
        /// What to say about a refused value; `{min}`, `{max}` and `{value}` stand for the numbers.
        error: String = optional();
    }
}

//! The rules of rich parameters: whether a declaration makes sense, and whether a value is allowed.
//!
//! The Terraform provider refuses a template by them while it is planned, the server a request
//! before a job is queued.

use std::collections::BTreeSet;
use std::fmt;

use regex::Regex;

use crate::go_regex;
use crate::parameter::{ParameterType, RichParameter, ValidationMonotonic};

/// The form type of a parameter that could not be understood; it may have any type.
const FORM_TYPE_ERROR: &str = "error";

/// What is wrong with a parameter or with a value for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParameterError {
    /// The part of the declaration that the message is about.
    pub field: ParameterField,
    /// What to tell the template's author or the user, as a sentence.
    pub message: String,
}

/// A part of a parameter's declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterField {
    /// `form_type`.
    FormType,
    /// `ephemeral`.
    Ephemeral,
    /// `default`.
    Default,
    /// `option[n].name`.
    OptionName(usize),
    /// `option[n].value`.
    OptionValue(usize),
    /// An attribute of `validation`.
    Validation(ValidationField),
    /// The value itself.
    Value,
}

/// An attribute of a parameter's validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidationField {
    /// `min`.
    Min,
    /// `max`.
    Max,
    /// `monotonic`.
    Monotonic,
    /// `regex`.
    Regex,
    /// `error`.
    Error,
}

impl ValidationField {
    /// The name in templates.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::Monotonic => "monotonic",
            Self::Regex => "regex",
            Self::Error => "error",
        }
    }
}

impl RichParameter {
    /// The form type: the given one, or the first that fits the type.
    #[must_use]
    pub fn form_type_or_default(&self) -> &str {
        if !self.form_type.is_empty() {
            return &self.form_type;
        }
        self.form_types().first().copied().unwrap_or_default()
    }

    /// The form types that the type allows, the default first.
    #[must_use]
    pub fn form_types(&self) -> &'static [&'static str] {
        match (self.kind, self.options.is_empty()) {
            (ParameterType::String | ParameterType::Number | ParameterType::Bool, false) => {
                &["radio", "dropdown"]
            }
            (ParameterType::ListString, false) => &["radio", "multi-select"],
            (ParameterType::String, true) => &["input", "textarea"],
            (ParameterType::Number, true) => &["input", "slider"],
            (ParameterType::Bool, true) => &["checkbox", "switch"],
            (ParameterType::ListString, true) => &["tag-select"],
        }
    }

    /// Whether anything but the type restricts the value.
    #[must_use]
    pub fn has_validation(&self) -> bool {
        self.validation_min.is_some()
            || self.validation_max.is_some()
            || self.validation_monotonic.is_some()
            || !self.validation_regex.is_empty()
            || !self.validation_error.is_empty()
    }

    /// Checks the declaration, whatever the value.
    ///
    /// # Errors
    /// The first part that makes no sense.
    pub fn validate(&self) -> Result<(), ParameterError> {
        if self.ephemeral && !self.mutable {
            return Err(error(
                ParameterField::Ephemeral,
                "An ephemeral parameter must be mutable, as its value is forgotten after a build.",
            ));
        }
        if self.ephemeral && self.required {
            return Err(error(
                ParameterField::Default,
                "An ephemeral parameter needs a default.",
            ));
        }
        self.validate_form_type()?;
        self.validate_options()?;
        self.validate_validation()
    }

    /// The value of a build: the given one, otherwise the default; empty when there is neither and
    /// nothing restricts it, as at the import of a template.
    ///
    /// `previous` is the value in the build before.
    ///
    /// # Errors
    /// The first part of the declaration that makes no sense, or why the value is not allowed.
    pub fn resolve(
        &self,
        given: Option<&str>,
        previous: Option<&str>,
    ) -> Result<String, ParameterError> {
        self.validate()?;
        let default = (!self.required).then_some(self.default_value.as_str());
        let Some(value) = given.or(default) else {
            if self.has_validation() {
                let refused = self.validate_value("", previous);
                refused.map_err(without_default)?;
            }
            return Ok(String::new());
        };
        let refused = self.validate_value(value, previous);
        refused.map_err(|refused| match given {
            Some(_) => refused,
            None => error(ParameterField::Default, refused.message),
        })?;
        Ok(value.to_owned())
    }

    /// Checks a value against the options, the validation and the type.
    ///
    /// `previous` is the value in the build before; one that is no number does not count.
    ///
    /// # Errors
    /// Why the value is not allowed.
    pub fn validate_value(
        &self,
        value: &str,
        previous: Option<&str>,
    ) -> Result<(), ParameterError> {
        self.validate_choice(value)?;
        match self.kind {
            ParameterType::Number => self.validate_number(value, previous)?,
            ParameterType::String => self.validate_text(value)?,
            ParameterType::Bool | ParameterType::ListString => (),
        }
        has_type(self.kind, value).map_err(|message| error(ParameterField::Value, message))
    }

    fn validate_form_type(&self) -> Result<(), ParameterError> {
        let form_type = self.form_type_or_default();
        if form_type == FORM_TYPE_ERROR || self.form_types().contains(&form_type) {
            return Ok(());
        }
        let message = format!(
            "A parameter of type {} {} options cannot be shown as {form_type:?}, but as one of: {}.",
            self.kind,
            if self.options.is_empty() {
                "without"
            } else {
                "with"
            },
            self.form_types().join(", "),
        );
        Err(error(ParameterField::FormType, message))
    }

    fn validate_options(&self) -> Result<(), ParameterError> {
        // Several options together make the value of a multi-select, so each is one element.
        let kind = match self.form_type_or_default() {
            "multi-select" => ParameterType::String,
            _ => self.kind,
        };
        let (mut names, mut values) = (BTreeSet::new(), BTreeSet::new());
        for (index, option) in self.options.iter().enumerate() {
            let (name, value) = (&option.name, &option.value);
            if !names.insert(name) {
                let message = format!("The option name {name:?} is used more than once.");
                return Err(error(ParameterField::OptionName(index), message));
            }
            if !values.insert(value) {
                let message = format!("The option value {value:?} is used more than once.");
                return Err(error(ParameterField::OptionValue(index), message));
            }
            has_type(kind, value)
                .map_err(|message| error(ParameterField::OptionValue(index), message))?;
        }
        Ok(())
    }

    fn validate_validation(&self) -> Result<(), ParameterError> {
        let given = [
            (ValidationField::Min, self.validation_min.is_some()),
            (ValidationField::Max, self.validation_max.is_some()),
            (
                ValidationField::Monotonic,
                self.validation_monotonic.is_some(),
            ),
        ];
        for (field, given) in given {
            if given && self.kind != ParameterType::Number {
                let message = format!(
                    "{:?} is only for numbers, not for {}.",
                    field.as_str(),
                    self.kind
                );
                return Err(invalid(field, message));
            }
        }
        if let (Some(min), Some(max)) = (self.validation_min, self.validation_max)
            && min > max
        {
            return Err(invalid(
                ValidationField::Min,
                format!("The least number {min} is larger than the largest {max}."),
            ));
        }
        if self.validation_regex.is_empty() {
            return Ok(());
        }
        if self.kind != ParameterType::String {
            let message = format!("\"regex\" is only for text, not for {}.", self.kind);
            return Err(invalid(ValidationField::Regex, message));
        }
        if self.validation_error.is_empty() {
            return Err(invalid(
                ValidationField::Error,
                "A regular expression needs an \"error\" that says what is expected.",
            ));
        }
        self.regex().map(drop)
    }

    fn regex(&self) -> Result<Regex, ParameterError> {
        go_regex::compile(&self.validation_regex).map_err(|problem| {
            invalid(
                ValidationField::Regex,
                format!("The regular expression is invalid: {problem}."),
            )
        })
    }

    fn validate_choice(&self, value: &str) -> Result<(), ParameterError> {
        if self.options.is_empty() {
            return Ok(());
        }
        let is_option = |value: &str| self.options.iter().any(|option| option.value == value);
        let refused = |value: &str| {
            let options: Vec<_> = self
                .options
                .iter()
                .map(|option| option.value.as_str())
                .collect();
            let message = format!("{value:?} is not one of the options {options:?}.");
            error(ParameterField::Value, message)
        };
        if self.form_type_or_default() != "multi-select" {
            return if is_option(value) {
                Ok(())
            } else {
                Err(refused(value))
            };
        }
        let chosen = parse_list(value).map_err(|message| error(ParameterField::Value, message))?;
        match chosen.iter().find(|value| !is_option(value)) {
            Some(value) => Err(refused(value)),
            None => Ok(()),
        }
    }

    fn validate_number(&self, value: &str, previous: Option<&str>) -> Result<(), ParameterError> {
        if !self.has_validation() {
            return Ok(());
        }
        let Ok(number) = value.parse::<i64>() else {
            let message = format!("{value:?} is not a whole number.");
            return Err(error(ParameterField::Value, message));
        };
        let previous = previous.and_then(|previous| previous.parse::<i64>().ok());
        let message = match (self.validation_min, self.validation_max) {
            (Some(min), _) if number < min => format!("{number} is less than the minimum {min}."),
            (_, Some(max)) if number > max => format!("{number} is more than the maximum {max}."),
            _ => match (self.validation_monotonic, previous) {
                (Some(ValidationMonotonic::Increasing), Some(previous)) if number < previous => {
                    format!("{number} is less than {previous}, and the number may only increase.")
                }
                (Some(ValidationMonotonic::Decreasing), Some(previous)) if number > previous => {
                    format!("{number} is more than {previous}, and the number may only decrease.")
                }
                _ => return Ok(()),
            },
        };
        Err(error(
            ParameterField::Value,
            self.own_message(value).unwrap_or(message),
        ))
    }

    fn validate_text(&self, value: &str) -> Result<(), ParameterError> {
        if self.validation_regex.is_empty() || self.regex()?.is_match(value) {
            return Ok(());
        }
        let message = format!("{value:?} does not match {:?}.", self.validation_regex);
        let message = self.own_message(value).map_or(message, |own| {
            format!(
                "{own} (The value {value:?} does not match {:?}.)",
                self.validation_regex
            )
        });
        Err(error(ParameterField::Value, message))
    }

    /// The message of the template's author. The placeholders are replaced for numbers only, where
    /// they mean something.
    fn own_message(&self, value: &str) -> Option<String> {
        if self.validation_error.is_empty() {
            return None;
        }
        if self.kind != ParameterType::Number {
            return Some(self.validation_error.clone());
        }
        let bound = |bound: Option<i64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
        Some(
            self.validation_error
                .replace("{min}", &bound(self.validation_min))
                .replace("{max}", &bound(self.validation_max))
                .replace("{value}", value),
        )
    }
}

impl fmt::Display for ValidationField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A template is imported without values, so whoever cannot do without one has to bring a default.
fn without_default(refused: ParameterError) -> ParameterError {
    let message = format!(
        "There is no value and no default, and the validation refuses to have none: {} Give the parameter a default.",
        refused.message
    );
    error(ParameterField::Default, message)
}

fn has_type(kind: ParameterType, value: &str) -> Result<(), String> {
    match kind {
        ParameterType::String => Ok(()),
        ParameterType::Number => match value.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(()),
            _ => Err(format!("{value:?} is not a number.")),
        },
        ParameterType::Bool if matches!(value, "true" | "false") => Ok(()),
        ParameterType::Bool => Err(format!("{value:?} is neither \"true\" nor \"false\".")),
        ParameterType::ListString => parse_list(value).map(drop),
    }
}

fn parse_list(value: &str) -> Result<Vec<String>, String> {
    serde_json::from_str(value)
        .map_err(|_| format!("{value:?} is not a list of texts, such as [\"a\", \"b\"]."))
}

fn error(field: ParameterField, message: impl Into<String>) -> ParameterError {
    ParameterError {
        field,
        message: message.into(),
    }
}

fn invalid(field: ValidationField, message: impl Into<String>) -> ParameterError {
    error(ParameterField::Validation(field), message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parameter::ParameterOption;

    fn of(kind: ParameterType) -> RichParameter {
        RichParameter {
            name: "p".into(),
            kind,
            required: true,
            ..RichParameter::default()
        }
    }

    fn options(values: &[&str]) -> Vec<ParameterOption> {
        let option = |value: &&str| ParameterOption {
            name: format!("name of {value}"),
            value: (*value).into(),
            ..ParameterOption::default()
        };
        values.iter().map(option).collect()
    }

    fn field(result: Result<impl fmt::Debug, ParameterError>) -> ParameterField {
        result.unwrap_err().field
    }

    #[test]
    fn each_type_has_its_form_types() {
        let cases: [(ParameterType, bool, &[&str]); 8] = [
            (ParameterType::String, true, &["radio", "dropdown"]),
            (ParameterType::String, false, &["input", "textarea"]),
            (ParameterType::Number, true, &["radio", "dropdown"]),
            (ParameterType::Number, false, &["input", "slider"]),
            (ParameterType::Bool, true, &["radio", "dropdown"]),
            (ParameterType::Bool, false, &["checkbox", "switch"]),
            (ParameterType::ListString, true, &["radio", "multi-select"]),
            (ParameterType::ListString, false, &["tag-select"]),
        ];
        let all = [
            "radio",
            "slider",
            "input",
            "dropdown",
            "checkbox",
            "switch",
            "multi-select",
            "tag-select",
            "textarea",
        ];
        for (kind, with_options, allowed) in cases {
            let value = match kind {
                ParameterType::String => "a",
                ParameterType::Number => "1",
                ParameterType::Bool => "true",
                ParameterType::ListString => "[]",
            };
            let mut parameter = of(kind);
            if with_options {
                parameter.options = options(&[value]);
            }
            assert_eq!(parameter.form_type_or_default(), allowed[0]);
            for form_type in all {
                parameter.form_type = form_type.into();
                assert_eq!(
                    parameter.validate().is_ok(),
                    allowed.contains(&form_type),
                    "{kind} {with_options} {form_type}"
                );
            }
            parameter.form_type = "error".into();
            parameter.validate().unwrap();
        }
    }

    #[test]
    fn an_ephemeral_parameter_is_mutable_and_has_a_default() {
        let mut parameter = RichParameter {
            ephemeral: true,
            ..of(ParameterType::String)
        };
        assert_eq!(field(parameter.validate()), ParameterField::Ephemeral);
        parameter.mutable = true;
        assert_eq!(field(parameter.validate()), ParameterField::Default);
        parameter.required = false;
        parameter.validate().unwrap();
    }

    #[test]
    fn options_are_unique_and_of_the_type() {
        let mut parameter = RichParameter {
            options: options(&["1", "2", "1"]),
            ..of(ParameterType::Number)
        };
        parameter.options[2].name = "other".into();
        assert_eq!(field(parameter.validate()), ParameterField::OptionValue(2));
        parameter.options[2].value = "3".into();
        parameter.options[2].name = parameter.options[0].name.clone();
        assert_eq!(field(parameter.validate()), ParameterField::OptionName(2));
        parameter.options[2].name = "other".into();
        parameter.options[2].value = "x".into();
        assert_eq!(field(parameter.validate()), ParameterField::OptionValue(2));
    }

    #[test]
    fn a_choice_must_be_an_option() {
        let parameter = RichParameter {
            options: options(&["a", "b"]),
            ..of(ParameterType::String)
        };
        assert_eq!(parameter.resolve(Some("b"), None).unwrap(), "b");
        let error = parameter.resolve(Some("c"), None).unwrap_err();
        assert_eq!(
            error.message,
            r#""c" is not one of the options ["a", "b"]."#
        );
        assert_eq!(
            field(parameter.resolve(Some(""), None)),
            ParameterField::Value
        );
        assert_eq!(
            parameter.resolve(None, None).unwrap(),
            "",
            "an import gives no value"
        );
    }

    #[test]
    fn a_default_is_a_value_too() {
        let mut parameter = RichParameter {
            options: options(&["a", "b"]),
            required: false,
            default_value: "c".into(),
            ..of(ParameterType::String)
        };
        assert_eq!(
            field(parameter.resolve(None, None)),
            ParameterField::Default
        );
        parameter.resolve(Some("a"), None).unwrap();
        parameter.default_value = "b".into();
        assert_eq!(parameter.resolve(None, None).unwrap(), "b");
    }

    #[test]
    fn several_options_may_be_chosen_with_multi_select() {
        let parameter = RichParameter {
            options: options(&["a", "b"]),
            form_type: "multi-select".into(),
            ..of(ParameterType::ListString)
        };
        parameter.resolve(Some(r#"["a","b"]"#), None).unwrap();
        parameter.resolve(Some("[]"), None).unwrap();
        assert!(parameter.resolve(Some(r#"["a","c"]"#), None).is_err());
        assert!(parameter.resolve(Some("a"), None).is_err());
        let whole = RichParameter {
            options: options(&[r#"["a"]"#]),
            form_type: "radio".into(),
            ..of(ParameterType::ListString)
        };
        whole.resolve(Some(r#"["a"]"#), None).unwrap();
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut parameter = RichParameter {
            validation_min: Some(1),
            validation_max: Some(8),
            ..of(ParameterType::Number)
        };
        for allowed in ["1", "8"] {
            parameter.resolve(Some(allowed), None).unwrap();
        }
        for refused in ["0", "9", "1.5", "", "x", "99999999999999999999"] {
            assert_eq!(
                field(parameter.resolve(Some(refused), None)),
                ParameterField::Value
            );
        }
        parameter.validation_error = "{value} is not in {min}..{max}".into();
        let error = parameter.resolve(Some("9"), None).unwrap_err();
        assert_eq!(error.message, "9 is not in 1..8");
        parameter.validation_max = Some(0);
        let min = ParameterField::Validation(ValidationField::Min);
        assert_eq!(field(parameter.validate()), min);
    }

    #[test]
    fn without_bounds_a_number_may_have_a_fraction() {
        let parameter = of(ParameterType::Number);
        parameter.resolve(Some("1.5"), None).unwrap();
        assert!(parameter.resolve(Some("one"), None).is_err());
        assert!(parameter.resolve(Some("inf"), None).is_err());
        assert!(parameter.resolve(Some("NaN"), None).is_err());
    }

    #[test]
    fn a_monotonic_number_moves_in_one_direction() {
        let mut parameter = RichParameter {
            validation_monotonic: Some(ValidationMonotonic::Increasing),
            ..of(ParameterType::Number)
        };
        for allowed in [None, Some("4"), Some("5"), Some("unknown")] {
            parameter.resolve(Some("5"), allowed).unwrap();
        }
        assert!(parameter.resolve(Some("5"), Some("6")).is_err());
        parameter.validation_monotonic = Some(ValidationMonotonic::Decreasing);
        parameter.resolve(Some("5"), Some("6")).unwrap();
        assert!(parameter.resolve(Some("5"), Some("4")).is_err());
    }

    #[test]
    fn text_matches_its_regular_expression() {
        let mut parameter = RichParameter {
            validation_regex: "^[a-z]+$".into(),
            ..of(ParameterType::String)
        };
        let error = ParameterField::Validation(ValidationField::Error);
        assert_eq!(field(parameter.validate()), error);
        parameter.validation_error = "Letters, please.".into();
        parameter.resolve(Some("abc"), None).unwrap();
        let refused = parameter.resolve(Some("ABC"), None).unwrap_err();
        assert!(refused.message.starts_with("Letters, please."), "{refused}");
        let nothing = parameter.resolve(None, None).unwrap_err();
        assert_eq!(nothing.field, ParameterField::Default);
        assert!(nothing.message.contains("Give the parameter a default"));
        parameter.validation_regex = "(".into();
        let regex = ParameterField::Validation(ValidationField::Regex);
        assert_eq!(field(parameter.validate()), regex);
    }

    #[test]
    fn a_validation_fits_its_type() {
        let min = RichParameter {
            validation_min: Some(1),
            ..of(ParameterType::String)
        };
        assert_eq!(
            field(min.validate()),
            ParameterField::Validation(ValidationField::Min)
        );
        let regex = RichParameter {
            validation_regex: "a".into(),
            ..of(ParameterType::Bool)
        };
        assert_eq!(
            field(regex.validate()),
            ParameterField::Validation(ValidationField::Regex)
        );
    }

    #[test]
    fn a_bool_is_true_or_false() {
        let parameter = RichParameter {
            required: false,
            default_value: "true".into(),
            ..of(ParameterType::Bool)
        };
        assert_eq!(parameter.resolve(None, None).unwrap(), "true");
        assert_eq!(parameter.resolve(Some("false"), None).unwrap(), "false");
        for refused in ["", "True", "1", "yes"] {
            assert!(
                parameter.resolve(Some(refused), None).is_err(),
                "{refused:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(value in ".*", previous in ".*", regex in ".*", list in any::<bool>()) {
            let text = RichParameter {
                validation_regex: regex,
                validation_error: "{value}".into(),
                ..of(ParameterType::String)
            };
            let _ = text.resolve(Some(&value), Some(&previous));
            let number = RichParameter {
                validation_min: Some(0),
                validation_monotonic: Some(ValidationMonotonic::Increasing),
                ..of(ParameterType::Number)
            };
            let _ = number.resolve(Some(&value), Some(&previous));
            let kind = if list { ParameterType::ListString } else { ParameterType::Bool };
            let _ = RichParameter { options: options(&[&value]), ..of(kind) }
                .resolve(Some(&value), None);
        }
    }
}

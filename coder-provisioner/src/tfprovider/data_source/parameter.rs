//! `coder_parameter`.

use coder_core::parameter::{ParameterOption, ParameterType, RichParameter, ValidationMonotonic};
use coder_core::parameter_validation::{ParameterError, ParameterField};

use crate::attributes::Parameter;
use crate::tfprovider::diagnostics::{Diagnostic, Path};
use crate::tfprovider::environment::{parameter_variable, previous_parameter_variable};
use crate::tfprovider::kind::{Context, DataSource};
use crate::tfprovider::value::{Object, Value, get, set};

pub(super) const DATA_SOURCE: DataSource = DataSource {
    read,
    ..DataSource::new::<Parameter>(Parameter::TYPE_NAME)
};

fn read(context: &Context<'_>, state: &mut Object) -> Result<(), Vec<Diagnostic>> {
    let parameter = rich_parameter(state);
    let given = context
        .environment
        .given(&parameter_variable(&parameter.name));
    let previous = context
        .environment
        .given(&previous_parameter_variable(&parameter.name));
    let value = parameter
        .resolve(given, previous)
        .map_err(|error| vec![diagnostic(&parameter.name, error)])?;
    set(state, "value", value);
    set(state, "optional", !parameter.required);
    set(state, "form_type", parameter.form_type_or_default());
    if let Some(Value::List(blocks)) = state.get_mut("validation") {
        blocks.iter_mut().for_each(mark_absent_bounds);
    }
    Ok(())
}

/// Zero is a bound too, so it is said where there is none.
fn mark_absent_bounds(validation: &mut Value) {
    if let Value::Map(validation) = validation {
        for (bound, mark) in [("min", "min_disabled"), ("max", "max_disabled")] {
            let absent = get(validation, bound) == &Value::Null;
            set(validation, mark, absent);
        }
    }
}

fn rich_parameter(state: &Object) -> RichParameter {
    let text = |name| owned(state, name);
    let flag = |name| get(state, name).as_bool().unwrap_or_default();
    let no_validation = Object::new();
    let validation = get(state, "validation")
        .as_list()
        .first()
        .and_then(Value::as_object);
    let validation = validation.unwrap_or(&no_validation);
    RichParameter {
        name: text("name"),
        display_name: text("display_name"),
        description: text("description"),
        kind: parameter_type(get(state, "type").as_str().unwrap_or_default()),
        form_type: text("form_type"),
        mutable: flag("mutable"),
        default_value: text("default"),
        icon: text("icon"),
        options: get(state, "option")
            .as_list()
            .iter()
            .filter_map(option)
            .collect(),
        validation_regex: owned(validation, "regex"),
        validation_error: owned(validation, "error"),
        validation_min: get(validation, "min").as_int(),
        validation_max: get(validation, "max").as_int(),
        validation_monotonic: match get(validation, "monotonic").as_str() {
            Some("increasing") => Some(ValidationMonotonic::Increasing),
            Some("decreasing") => Some(ValidationMonotonic::Decreasing),
            _ => None,
        },
        required: get(state, "default") == &Value::Null,
        ephemeral: flag("ephemeral"),
        order: get(state, "order").as_int().unwrap_or_default(),
    }
}

/// The type. The rules of the declaration have refused every other word.
fn parameter_type(word: &str) -> ParameterType {
    word.parse().unwrap_or(ParameterType::String)
}

fn option(option: &Value) -> Option<ParameterOption> {
    let option = option.as_object()?;
    Some(ParameterOption {
        name: owned(option, "name"),
        description: owned(option, "description"),
        value: owned(option, "value"),
        icon: owned(option, "icon"),
    })
}

fn owned(object: &Object, name: &str) -> String {
    get(object, name).as_str().unwrap_or_default().to_owned()
}

fn diagnostic(name: &str, error: ParameterError) -> Diagnostic {
    let root = Path::root();
    let path = match error.field {
        ParameterField::FormType => root.attribute("form_type"),
        ParameterField::Ephemeral => root.attribute("ephemeral"),
        ParameterField::Default => root.attribute("default"),
        ParameterField::OptionName(index) => {
            root.attribute("option").index(index).attribute("name")
        }
        ParameterField::OptionValue(index) => {
            root.attribute("option").index(index).attribute("value")
        }
        ParameterField::Validation(field) => root
            .attribute("validation")
            .index(0)
            .attribute(field.as_str()),
        ParameterField::Value => root.attribute("value"),
    };
    let summary = match error.field {
        ParameterField::Value => format!("Invalid value for parameter {name:?}"),
        _ => format!("Invalid parameter {name:?}"),
    };
    Diagnostic::error(summary, error.message).at(&path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Shape;
    use crate::tfprovider::environment::Environment;
    use crate::tfprovider::kind::random_id;
    use crate::tfprovider::plan::filled;
    use crate::tfprovider::value::{Extra, conform_block};

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(
            entries
                .iter()
                .map(|(k, v)| ((*k).to_owned(), v.clone()))
                .collect(),
        )
    }

    fn parameter(
        entries: &[(&str, Value)],
        variables: &[(&str, &str)],
    ) -> Result<Object, Vec<Diagnostic>> {
        let config = conform_block(
            &Parameter::BLOCK,
            map(entries),
            Extra::Refuse,
            &Path::root(),
        );
        let mut state = filled(&Parameter::BLOCK, &config.unwrap(), None);
        let environment: Environment = variables.iter().copied().collect();
        let url = "http://example.com";
        let context = Context {
            environment: &environment,
            access_url: url,
            new_id: random_id,
        };
        read(&context, &mut state).map(|()| state)
    }

    #[test]
    fn the_environment_gives_the_value_even_when_empty() {
        let entries = [("name", "a".into()), ("default", "x".into())];
        let state = parameter(&entries, &[]).unwrap();
        assert_eq!(get(&state, "value").as_str(), Some("x"));
        assert_eq!(get(&state, "optional").as_bool(), Some(true));
        assert_eq!(get(&state, "form_type").as_str(), Some("input"));
        assert_eq!(get(&state, "styling").as_str(), Some("{}"));
        let variable = parameter_variable("a");
        let state = parameter(&entries, &[(&variable, "")]).unwrap();
        assert_eq!(get(&state, "value").as_str(), Some(""));
    }

    #[test]
    fn bounds_that_are_absent_are_marked() {
        let validation = Value::List(vec![map(&[("min", 0.into())])]);
        let entries = [
            ("name", "a".into()),
            ("type", "number".into()),
            ("default", "5".into()),
            ("validation", validation),
        ];
        let state = parameter(&entries, &[]).unwrap();
        let validation = get(&state, "validation").as_list()[0].as_object().unwrap();
        assert_eq!(get(validation, "min_disabled").as_bool(), Some(false));
        assert_eq!(get(validation, "max_disabled").as_bool(), Some(true));
        let error = parameter(&entries, &[(&parameter_variable("a"), "-1")]).unwrap_err();
        assert_eq!(error[0].path.to_string(), "value");
        assert!(error[0].summary.contains("\"a\""));
    }

    #[test]
    fn a_declaration_that_makes_no_sense_is_refused_at_its_place() {
        let option = map(&[("name", "n".into()), ("value", "v".into())]);
        let entries = [
            ("name", "a".into()),
            ("option", Value::List(vec![option.clone(), option])),
        ];
        let error = parameter(&entries, &[]).unwrap_err();
        assert_eq!(error[0].path.to_string(), "option[1].name");
    }

    #[test]
    fn the_previous_value_bounds_the_next() {
        let validation = Value::List(vec![map(&[("monotonic", "increasing".into())])]);
        let entries = [
            ("name", "a".into()),
            ("type", "number".into()),
            ("default", "5".into()),
            ("validation", validation),
        ];
        let previous = previous_parameter_variable("a");
        parameter(&entries, &[(&previous, "5")]).unwrap();
        parameter(&entries, &[(&previous, "6")]).unwrap_err();
    }
}

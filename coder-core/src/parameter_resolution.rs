//! Which parameter values a build gets: what was chosen before, what is chosen now, and the defaults.

use crate::{
    Error,
    parameter::{ParameterValue, RichParameter},
};
use std::collections::BTreeSet;

/// Longest value of a parameter, in bytes; it travels in an environment variable.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// What to do about a parameter that must have a value and has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The request is refused: the build makes something of the values.
    Refuse,
    /// It is left out: the build only destroys.
    LeaveOut,
}

/// The values of a build, one per parameter, in the parameters' order. What was `previous` is kept unless
/// `given` says otherwise; ephemeral values are not kept; what has no value gets its default.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) with one field per refused parameter: unknown or given
/// twice, changed though immutable, without a value though required, or not valid.
pub fn resolve(
    parameters: &[RichParameter],
    previous: &[ParameterValue],
    given: &[ParameterValue],
    missing: Missing,
) -> Result<Vec<ParameterValue>, Error> {
    let mut refused = check_names(parameters, given);
    let mut values = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        let before = value_of(previous, &parameter.name).filter(|_| !parameter.ephemeral);
        let now = value_of(given, &parameter.name);
        let chosen = now.or(before);
        let problem = match chosen {
            Some(value) => check_change(parameter, before, value)
                .or_else(|| check_value(parameter, before, value))
                .filter(|_| now.is_some() || missing == Missing::Refuse),
            None if parameter.required && missing == Missing::Refuse => {
                Some("needs a value".to_owned())
            }
            None => None,
        };
        if let Some(problem) = problem {
            refused.push((parameter.name.clone(), problem));
        }
        if let Some(value) =
            chosen.or_else(|| (!parameter.required).then_some(parameter.default_value.as_str()))
        {
            values.push(ParameterValue {
                name: parameter.name.clone(),
                value: value.to_owned(),
            });
        }
    }
    if refused.is_empty() {
        return Ok(values);
    }
    let names: Vec<_> = refused
        .iter()
        .map(|(name, _)| format!("{name:?}"))
        .collect();
    let error = Error::invalid(format!("Parameters are not valid: {}.", names.join(", ")));
    let refuse = |error: Error, (name, detail): (String, String)| error.with_field(&name, detail);
    Err(refused.into_iter().fold(error, refuse))
}

fn value_of<'a>(values: &'a [ParameterValue], name: &str) -> Option<&'a str> {
    let found = values.iter().find(|value| value.name == name);
    found.map(|value| value.value.as_str())
}

/// The names that `parameters` do not have, or that come twice.
fn check_names(parameters: &[RichParameter], given: &[ParameterValue]) -> Vec<(String, String)> {
    let known: BTreeSet<&str> = parameters.iter().map(|one| one.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    let mut refused = Vec::new();
    for value in given {
        let shown = crate::log_line::cut(&value.name, 64);
        if !known.contains(value.name.as_str()) {
            refused.push((
                shown,
                "is not a parameter of this template version".to_owned(),
            ));
        } else if !seen.insert(value.name.as_str()) {
            refused.push((shown, "is given twice".to_owned()));
        }
        if refused.len() >= 20 {
            break;
        }
    }
    refused
}

fn check_change(parameter: &RichParameter, before: Option<&str>, value: &str) -> Option<String> {
    let changed = before.is_some_and(|before| before != value);
    (changed && !parameter.mutable)
        .then(|| "is immutable: it cannot be changed after the workspace was created".to_owned())
}

/// What is wrong with a value, or `None`.
fn check_value(parameter: &RichParameter, before: Option<&str>, value: &str) -> Option<String> {
    if value.len() > MAX_VALUE_BYTES {
        return Some(format!("must have at most {MAX_VALUE_BYTES} bytes"));
    }
    if value.contains('\0') {
        return Some("must not contain the NUL character".to_owned());
    }
    let refused = parameter.validate_value(value, before).err();
    refused.map(|refused| refused.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameter::{ParameterOption, ParameterType, ValidationMonotonic};

    fn parameter(name: &str) -> RichParameter {
        RichParameter {
            name: name.to_owned(),
            mutable: true,
            ..RichParameter::default()
        }
    }

    fn values(pairs: &[(&str, &str)]) -> Vec<ParameterValue> {
        let value = |&(name, value): &(&str, &str)| ParameterValue {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        pairs.iter().map(value).collect()
    }

    fn refused(result: Result<Vec<ParameterValue>, Error>) -> String {
        let error = result.expect_err("must be refused");
        error.fields()[0].detail.clone()
    }

    #[test]
    fn the_newest_choice_wins_then_the_one_before_then_the_default() {
        let mut third = parameter("c");
        third.default_value = "default".to_owned();
        let parameters = [parameter("a"), parameter("b"), third];
        let previous = values(&[("a", "old"), ("b", "old"), ("gone", "x")]);
        let given = values(&[("a", "new")]);
        let resolved = resolve(&parameters, &previous, &given, Missing::Refuse).unwrap();
        assert_eq!(
            resolved,
            values(&[("a", "new"), ("b", "old"), ("c", "default")])
        );
    }

    #[test]
    fn unknown_and_repeated_names_are_refused() {
        let parameters = [parameter("a")];
        let unknown = resolve(&parameters, &[], &values(&[("b", "1")]), Missing::Refuse);
        assert!(refused(unknown).contains("not a parameter"));
        let twice = values(&[("a", "1"), ("a", "2")]);
        assert!(refused(resolve(&parameters, &[], &twice, Missing::Refuse)).contains("twice"));
    }

    #[test]
    fn immutable_ones_are_set_once() {
        let fixed = [RichParameter {
            mutable: false,
            ..parameter("a")
        }];
        let given = values(&[("a", "2")]);
        assert!(resolve(&fixed, &[], &given, Missing::Refuse).is_ok());
        let changed = resolve(&fixed, &values(&[("a", "1")]), &given, Missing::Refuse);
        assert!(refused(changed).contains("immutable"));
        assert!(resolve(&fixed, &given, &given, Missing::Refuse).is_ok());
    }

    #[test]
    fn required_ones_need_a_value_unless_all_is_destroyed() {
        let required = [RichParameter {
            required: true,
            ..parameter("a")
        }];
        let missing = resolve(&required, &[], &[], Missing::Refuse);
        assert!(refused(missing).contains("needs a value"));
        assert_eq!(resolve(&required, &[], &[], Missing::LeaveOut).unwrap(), []);
    }

    #[test]
    fn ephemeral_ones_are_forgotten() {
        let ephemeral = [RichParameter {
            ephemeral: true,
            ..parameter("a")
        }];
        let previous = values(&[("a", "once")]);
        let resolved = resolve(&ephemeral, &previous, &[], Missing::Refuse).unwrap();
        assert_eq!(resolved, values(&[("a", "")]));
    }

    #[test]
    fn values_must_be_valid() {
        let number = RichParameter {
            kind: ParameterType::Number,
            validation_min: Some(1),
            validation_max: Some(8),
            validation_monotonic: Some(ValidationMonotonic::Increasing),
            ..parameter("a")
        };
        let bool = RichParameter {
            kind: ParameterType::Bool,
            ..parameter("a")
        };
        let list = RichParameter {
            kind: ParameterType::ListString,
            ..parameter("a")
        };
        let regex = RichParameter {
            validation_regex: "^[a-z]+$".to_owned(),
            ..parameter("a")
        };
        let option = ParameterOption {
            value: "x".to_owned(),
            ..ParameterOption::default()
        };
        let option = RichParameter {
            options: vec![option],
            ..parameter("a")
        };
        let previous = values(&[("a", "4")]);
        for (parameter, good, bad) in [
            (&number, "5", "9"),
            (&number, "4", "3"),
            (&number, "8", "many"),
            (&bool, "true", "yes"),
            (&list, r#"["a"]"#, "a"),
            (&regex, "abc", "ABC"),
            (&option, "x", "y"),
        ] {
            let parameters = std::slice::from_ref(parameter);
            let try_one = |value| {
                resolve(
                    parameters,
                    &previous,
                    &values(&[("a", value)]),
                    Missing::Refuse,
                )
            };
            assert!(try_one(good).is_ok(), "{good}");
            assert!(try_one(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_old_value_that_is_not_valid_any_more_does_not_hold_up_a_delete() {
        let number = [RichParameter {
            kind: ParameterType::Number,
            ..parameter("a")
        }];
        let previous = values(&[("a", "word")]);
        assert!(resolve(&number, &previous, &[], Missing::Refuse).is_err());
        assert_eq!(
            resolve(&number, &previous, &[], Missing::LeaveOut).unwrap(),
            previous
        );
    }
}

//! Checks a configuration against the rules of its declaration.
//!
//! Values that are not known yet pass: Terraform asks again when they are.

use std::fmt::Write as _;

use regex::Regex;
use url::Url;
use uuid::Uuid;

use super::diagnostics::{Diagnostic, Path};
use super::value::{Object, Value, get};
use crate::attributes::{Block, NestedBlock, Rule};

/// Every breach of the rules of a block and the blocks in it.
pub(super) fn validate(block: &Block, object: &Object, path: &Path) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for attribute in block.attributes {
        let value = get(object, attribute.name);
        let path = path.attribute(attribute.name);
        if value.is_given() {
            found.extend(conflict(
                object,
                attribute.name,
                attribute.conflicts_with,
                &path,
            ));
            let breaches = attribute
                .rules
                .iter()
                .filter_map(|rule| breach(rule, value));
            found.extend(breaches.map(|breach| {
                let path = breach.key.map_or_else(|| path.clone(), |key| path.key(key));
                Diagnostic::error(format!("Invalid {}", attribute.name), breach.detail).at(&path)
            }));
        }
    }
    for nested in block.blocks {
        let items = get(object, nested.name).as_list();
        if !items.is_empty() {
            // A block as a whole has no address, what it excludes has.
            found.extend(nested.conflicts_with.iter().filter_map(|other| {
                conflict(object, nested.name, &[other], &path.attribute(other))
            }));
        }
        let path = path.attribute(nested.name);
        found.extend(duplicates(nested, items, &path));
        for (index, item) in items.iter().enumerate() {
            if let Some(item) = item.as_object() {
                found.extend(validate(
                    &nested.block,
                    item,
                    &path.instance(nested.nesting, index, items.len()),
                ));
            }
        }
    }
    found
}

fn conflict(object: &Object, name: &str, others: &[&str], path: &Path) -> Option<Diagnostic> {
    let given = |other: &&&str| match get(object, other) {
        Value::List(items) => !items.is_empty(),
        value => value.is_given(),
    };
    let other = others.iter().find(given)?;
    let detail = format!("{name:?} and {other:?} cannot be given together.");
    Some(Diagnostic::error("Conflicting arguments", detail).at(path))
}

/// The instances that repeat what must be unique among them.
fn duplicates(nested: &NestedBlock, items: &[Value], path: &Path) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for name in nested.unique {
        let mut seen = std::collections::BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let Some(value) = item.as_object().and_then(|item| get(item, name).as_str()) else {
                continue;
            };
            if !seen.insert(value) {
                let path = path.instance(nested.nesting, index, items.len());
                let path = path.attribute(name);
                let detail = format!("The {name} {value:?} is used more than once.");
                found.push(Diagnostic::error(format!("Duplicate {name}"), detail).at(&path));
            }
        }
    }
    found
}

/// What is wrong with a value.
struct Breach<'a> {
    detail: String,
    /// The entry of a map that it is about.
    key: Option<&'a str>,
}

/// What is wrong with a given value, if anything.
fn breach<'a>(rule: &Rule, value: &'a Value) -> Option<Breach<'a>> {
    if let (Rule::NotEmpty, Value::Map(entries)) = (rule, value) {
        let empty = |(_, value): &(&String, &Value)| value.as_str() == Some("");
        let (key, _) = entries.iter().find(empty)?;
        return Some(Breach {
            detail: format!("The value of {key:?} must not be empty."),
            key: Some(key),
        });
    }
    let detail = refused(rule, value)?;
    Some(Breach { detail, key: None })
}

fn refused(rule: &Rule, value: &Value) -> Option<String> {
    match (rule, value) {
        (Rule::OneOf(allowed), Value::String(text)) => (!allowed.contains(&text.as_str()))
            .then(|| format!("It must be one of {}, not {text:?}.", quoted(allowed))),
        (Rule::MaxBytes(most), Value::String(text)) => (text.len() > *most).then(|| {
            format!(
                "It is {} bytes long; at most {most} are allowed.",
                text.len()
            )
        }),
        (Rule::NotEmpty, Value::String(text)) => {
            text.is_empty().then(|| "It must not be empty.".to_owned())
        }
        (Rule::Url, Value::String(text)) => {
            let problem = parse_url(text).err()?;
            Some(format!("{text:?} is neither a URL nor a path: {problem}."))
        }
        (Rule::Uuid, Value::String(text)) => Uuid::parse_str(text)
            .is_err()
            .then(|| format!("{text:?} is not a UUID.")),
        (Rule::AbsolutePath, Value::String(text)) => (!text.starts_with('/'))
            .then(|| format!("It must be a path that starts with /, not {text:?}.")),
        (Rule::Matches { pattern, meaning }, Value::String(text)) => {
            let matches = Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
            (!matches).then(|| format!("It must be {meaning}, not {text:?}."))
        }
        (Rule::AtLeast(least), value) => {
            let number = value.as_int()?;
            (number < *least).then(|| format!("It must be at least {least}, not {number}."))
        }
        (Rule::Between(least, most), value) => {
            let number = value.as_int()?;
            (!(*least..=*most).contains(&number))
                .then(|| format!("It must be from {least} to {most}, not {number}."))
        }
        _ => None,
    }
}

/// A URL, or a path as the user interface resolves it.
fn parse_url(text: &str) -> Result<Url, url::ParseError> {
    let base = Url::parse("http://localhost")?;
    Url::options().base_url(Some(&base)).parse(text)
}

fn quoted(texts: &[&str]) -> String {
    let mut list = String::new();
    for (position, text) in texts.iter().enumerate() {
        let comma = if position == 0 { "" } else { ", " };
        let _ = write!(list, "{comma}{text:?}");
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::{AiTask, App, Env, ResourcesMonitoring, Shape, WorkspacePreset};

    fn object(entries: &[(&str, Value)]) -> Object {
        entries
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.clone()))
            .collect()
    }

    fn breaches(block: &Block, entries: &[(&str, Value)]) -> Vec<String> {
        let found = validate(block, &object(entries), &Path::root());
        found
            .into_iter()
            .map(|d| format!("{}: {}", d.path, d.detail))
            .collect()
    }

    #[test]
    fn a_breach_names_the_attribute_and_what_is_allowed() {
        assert_eq!(
            breaches(&App::BLOCK, &[("share", "everyone".into())]),
            [r#"share: It must be one of "owner", "authenticated", "public", not "everyone"."#]
        );
        assert_eq!(breaches(&App::BLOCK, &[("share", Value::Unknown)]), [""; 0]);
        assert_eq!(
            breaches(&App::BLOCK, &[("icon", "/icon/code.svg".into())]),
            [""; 0]
        );
        assert_eq!(
            breaches(&App::BLOCK, &[("icon", "http://[".into())]).len(),
            1
        );
        assert_eq!(
            breaches(&App::BLOCK, &[("tooltip", "x".repeat(2049).into())]).len(),
            1
        );
        for slug in ["a", "a-b", "a1"] {
            assert_eq!(breaches(&App::BLOCK, &[("slug", slug.into())]), [""; 0]);
        }
        for slug in ["", "A", "a--b", "-a", "a_b", "a\n"] {
            assert_eq!(
                breaches(&App::BLOCK, &[("slug", slug.into())]).len(),
                1,
                "{slug:?}"
            );
        }
        assert_eq!(breaches(&Env::BLOCK, &[("name", "1A".into())]).len(), 1);
    }

    #[test]
    fn arguments_that_exclude_each_other_are_refused() {
        let both = [("url", "http://a".into()), ("command", "b".into())];
        assert_eq!(breaches(&App::BLOCK, &both).len(), 2);
        let block = Value::List(vec![Value::Map(Object::new())]);
        let both = [("command", "b".into()), ("healthcheck", block.clone())];
        let refused = r#""healthcheck" and "command" cannot be given together."#;
        assert_eq!(
            breaches(&App::BLOCK, &both),
            [format!("command: {refused}")]
        );
        let app = [("app_id", Uuid::nil().to_string().into())];
        assert_eq!(breaches(&AiTask::BLOCK, &app), [""; 0]);
        let [app] = app;
        let both = [app, ("sidebar_app", block)];
        assert_eq!(breaches(&AiTask::BLOCK, &both).len(), 1);
    }

    #[test]
    fn an_empty_entry_of_a_map_is_named() {
        let entries = object(&[("a", "x".into()), ("b", "".into())]);
        let found = breaches(
            &WorkspacePreset::BLOCK,
            &[("parameters", Value::Map(entries))],
        );
        assert_eq!(
            found,
            [r#"parameters["b"]: The value of "b" must not be empty."#]
        );
    }

    #[test]
    fn a_repeated_value_of_a_block_is_refused() {
        let volume = Value::Map(object(&[("path", "/a".into()), ("threshold", 101.into())]));
        let found = breaches(
            &ResourcesMonitoring::BLOCK,
            &[("volume", vec![volume.clone(), volume].into())],
        );
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("volume: "), "{found:?}");
        let memory = Value::Map(object(&[("threshold", 101.into())]));
        let found = breaches(
            &ResourcesMonitoring::BLOCK,
            &[("memory", vec![memory].into())],
        );
        assert!(found[0].starts_with("memory.threshold: "), "{found:?}");
    }

    impl From<Vec<Value>> for Value {
        fn from(items: Vec<Value>) -> Self {
            Self::List(items)
        }
    }
}

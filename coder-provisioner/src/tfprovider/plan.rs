//! What a change of configuration does to a resource.
//!
//! Nothing of this provider can be updated in place: whatever the template changes replaces the
//! resource. What only reads differently in the state, since another provider or an older one wrote
//! it, is no change: absent values, empty ones and defaults.

use super::diagnostics::Path;
use super::msgpack;
use super::value::{Number, Object, Value, get};
use crate::attributes::{Attribute, Block, NestedBlock, Nesting, Presence};

/// A planned state.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) state: Object,
    /// The attributes whose change makes a new resource.
    pub(super) replaced_by: Vec<Path>,
}

/// Plans a resource from its configuration and its state, if it exists.
///
/// `derive` fills in what follows from the rest.
pub(super) fn plan(
    block: &Block,
    config: &Object,
    prior: Option<&Object>,
    derive: fn(&mut Object),
) -> Plan {
    let mut state = filled(block, config, prior);
    derive(&mut state);
    let Some(prior) = prior else {
        return Plan {
            state,
            replaced_by: Vec::new(),
        };
    };
    let replaced_by = changes(block, &state, prior);
    if !replaced_by.is_empty() {
        state = filled(block, config, None);
        derive(&mut state);
    }
    Plan { state, replaced_by }
}

/// The configuration with defaults, and with what the provider gives taken from the state.
pub(super) fn filled(block: &Block, config: &Object, prior: Option<&Object>) -> Object {
    let mut state = Object::new();
    for attribute in block.attributes {
        let prior = prior.map(|prior| get(prior, attribute.name));
        let value = filled_attribute(attribute, get(config, attribute.name), prior);
        state.insert(attribute.name.to_owned(), value);
    }
    for nested in block.blocks {
        let prior = prior.map(|prior| get(prior, nested.name));
        let value = filled_block(nested, get(config, nested.name), prior);
        state.insert(nested.name.to_owned(), value);
    }
    state
}

fn filled_attribute(attribute: &Attribute, config: &Value, prior: Option<&Value>) -> Value {
    let by_provider = || prior.cloned().unwrap_or(Value::Unknown);
    match (attribute.presence, config, attribute.default) {
        (Presence::Computed, ..) => by_provider(),
        (_, Value::Null, Some(default)) => default.into(),
        (Presence::OptionalComputed, Value::Null, None) => by_provider(),
        _ => config.clone(),
    }
}

fn filled_block(nested: &NestedBlock, config: &Value, prior: Option<&Value>) -> Value {
    let Value::List(items) = config else {
        return config.clone();
    };
    let prior_item = |index: usize| match nested.nesting {
        Nesting::List => prior?.as_list().get(index)?.as_object(),
        Nesting::Set => None,
    };
    let filled_item = |(index, item): (usize, &Value)| match item {
        Value::Map(item) => Value::Map(filled(&nested.block, item, prior_item(index))),
        other => other.clone(),
    };
    Value::List(items.iter().enumerate().map(filled_item).collect())
}

fn changes(block: &Block, state: &Object, prior: &Object) -> Vec<Path> {
    let attributes = block
        .attributes
        .iter()
        .filter(|attribute| attribute.presence != Presence::Computed)
        .filter(|attribute| {
            let value = |of| normal(attribute, get(of, attribute.name));
            value(state) != value(prior)
        })
        .map(|attribute| attribute.name);
    let blocks = block
        .blocks
        .iter()
        .filter(|nested| {
            let value = |of| normal_block(nested, get(of, nested.name));
            value(state) != value(prior)
        })
        .map(|nested| nested.name);
    attributes
        .chain(blocks)
        .map(|name| Path::root().attribute(name))
        .collect()
}

/// A value such that two which mean the same are the same.
fn normal(attribute: &Attribute, value: &Value) -> Value {
    match (value, attribute.default) {
        (Value::Null, Some(default)) => default.into(),
        (value, None) if is_zero(value) => Value::Null,
        (Value::Map(entries), _) => {
            let given = entries.iter().filter(|(_, value)| **value != Value::Null);
            Value::Map(
                given
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect(),
            )
        }
        (value, _) => value.clone(),
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Number(Number::Int(0)) => true,
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.values().all(|value| *value == Value::Null),
        Value::Bool(_) | Value::Number(_) | Value::Unknown => false,
    }
}

/// The same for nested blocks. The order of a set does not matter.
fn normal_block(nested: &NestedBlock, value: &Value) -> Value {
    let Value::List(items) = value else {
        return value.clone();
    };
    let mut items: Vec<_> = items.iter().map(|item| normal_item(nested, item)).collect();
    if nested.nesting == Nesting::Set {
        items.sort_by_cached_key(|item| msgpack::encode(item).msgpack);
    }
    // The published provider writes what such a block says when it is absent.
    if items.is_empty() && has_defaults_only(&nested.block) {
        items.push(normal_item(nested, &Value::Map(Object::new())));
    }
    Value::List(items)
}

fn normal_item(nested: &NestedBlock, item: &Value) -> Value {
    let Value::Map(item) = item else {
        return item.clone();
    };
    let attributes = nested.block.attributes.iter();
    let attributes = attributes.map(|attribute| {
        let value = normal(attribute, get(item, attribute.name));
        (attribute.name.to_owned(), value)
    });
    let blocks = nested.block.blocks.iter();
    let blocks = blocks.map(|inner| {
        let value = normal_block(inner, get(item, inner.name));
        (inner.name.to_owned(), value)
    });
    Value::Map(attributes.chain(blocks).collect())
}

fn has_defaults_only(block: &Block) -> bool {
    let mut attributes = block.attributes.iter();
    block.blocks.is_empty()
        && !block.attributes.is_empty()
        && attributes.all(|attribute| attribute.default.is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::attributes::{Agent, AiTask, Shape};
    use crate::tfprovider::value::{Extra, conform_block, set};

    fn config(entries: &[(&str, &str)]) -> Object {
        let map = entries
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).into()))
            .collect();
        conform_block(&Agent::BLOCK, Value::Map(map), Extra::Refuse, &Path::root()).unwrap()
    }

    fn created(config: &Object) -> Object {
        let mut state = plan(&Agent::BLOCK, config, None, |_| ()).state;
        for name in ["id", "token", "init_script"] {
            assert_eq!(get(&state, name), &Value::Unknown);
            set(&mut state, name, "given");
        }
        state
    }

    #[test]
    fn the_same_configuration_changes_nothing() {
        let config = config(&[("os", "linux"), ("arch", "amd64")]);
        let prior = created(&config);
        assert_eq!(get(&prior, "auth").as_str(), Some("token"));
        let again = plan(&Agent::BLOCK, &config, Some(&prior), |_| ());
        assert_eq!(
            again,
            Plan {
                state: prior,
                replaced_by: vec![]
            }
        );
    }

    #[test]
    fn a_change_replaces_and_forgets_what_the_provider_gave() {
        let prior = created(&config(&[
            ("os", "linux"),
            ("arch", "amd64"),
            ("auth", "token"),
        ]));
        let config = config(&[("os", "linux"), ("arch", "arm64")]);
        let planned = plan(&Agent::BLOCK, &config, Some(&prior), |_| ());
        assert_eq!(planned.replaced_by, [Path::root().attribute("arch")]);
        assert_eq!(get(&planned.state, "token"), &Value::Unknown);
    }

    #[test]
    fn what_is_no_longer_given_returns_to_its_default() {
        let prior = created(&config(&[
            ("os", "linux"),
            ("auth", "aws-instance-identity"),
        ]));
        let planned = plan(
            &Agent::BLOCK,
            &config(&[("os", "linux")]),
            Some(&prior),
            |_| (),
        );
        assert_eq!(planned.replaced_by, [Path::root().attribute("auth")]);
        assert_eq!(get(&planned.state, "auth").as_str(), Some("token"));
    }

    #[test]
    fn what_is_optional_and_computed_stays_when_not_given() {
        let mut prior = filled(&AiTask::BLOCK, &Object::new(), None);
        set(&mut prior, "app_id", "kept");
        let planned = plan(&AiTask::BLOCK, &Object::new(), Some(&prior), |_| ());
        assert_eq!(get(&planned.state, "app_id").as_str(), Some("kept"));
    }

    #[test]
    fn the_order_of_a_set_does_not_matter() {
        let mut prior = config(&[("os", "linux")]);
        prior.insert("display_apps".into(), Value::List(vec![1.into(), 2.into()]));
        let mut now = prior.clone();
        now.insert("display_apps".into(), Value::List(vec![2.into(), 1.into()]));
        assert_eq!(changes(&Agent::BLOCK, &now, &prior), []);
    }

    #[test]
    fn an_entry_of_a_map_that_is_null_is_none() {
        let env = |entries: &[(&str, Value)]| -> Object {
            let entries = entries.iter().map(|(k, v)| ((*k).to_owned(), v.clone()));
            [("env".to_owned(), Value::Map(entries.collect()))].into()
        };
        let prior = env(&[("A", "a".into())]);
        let now = env(&[("A", "a".into()), ("B", Value::Null)]);
        assert_eq!(changes(&Agent::BLOCK, &now, &prior), []);
        let now = env(&[("A", "b".into())]);
        assert_eq!(changes(&Agent::BLOCK, &now, &prior).len(), 1);
        let now = env(&[("B", Value::Null)]);
        assert_eq!(changes(&Agent::BLOCK, &now, &Object::new()), []);
    }

    #[test]
    fn what_another_provider_wrote_is_no_change() {
        let config = config(&[("os", "linux"), ("arch", "amd64")]);
        let written = json!({
            "id": "1", "token": "t", "init_script": "", "os": "linux", "arch": "amd64", "auth": "token",
            "connection_timeout": 120, "startup_script_behavior": "non-blocking", "dir": "", "order": 0,
            "env": null, "motd_file": null, "metadata": [], "resources_monitoring": [],
            "display_apps": [{
                "vscode": true, "vscode_insiders": false, "web_terminal": true,
                "port_forwarding_helper": true, "ssh_helper": true,
            }],
        });
        let prior = |written: &serde_json::Value| {
            let value = msgpack::decode_json(written.to_string().as_bytes()).unwrap();
            conform_block(&Agent::BLOCK, value, Extra::Drop, &Path::root()).unwrap()
        };
        let planned = plan(&Agent::BLOCK, &config, Some(&prior(&written)), |_| ());
        assert_eq!(planned.replaced_by, []);
        assert_eq!(get(&planned.state, "id").as_str(), Some("1"));
        assert_eq!(get(&planned.state, "display_apps"), &Value::List(vec![]));
        assert_eq!(get(&planned.state, "api_key_scope").as_str(), Some("all"));

        for (name, value) in [
            ("order", json!(1)),
            ("dir", json!("/work")),
            ("api_key_scope", json!("no_user_data")),
            ("display_apps", json!([{ "ssh_helper": false }])),
        ] {
            let mut other = written.clone();
            other[name] = value;
            let planned = plan(&Agent::BLOCK, &config, Some(&prior(&other)), |_| ());
            assert_eq!(planned.replaced_by, [Path::root().attribute(name)]);
        }
    }
}

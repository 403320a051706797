//! What a change of configuration does to a resource.
//!
//! Nothing of this provider can be updated in place: whatever the template changes replaces the
//! resource.

use super::diagnostics::Path;
use super::msgpack;
use super::value::{Object, Value, get};
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
        .filter(|attribute| get(state, attribute.name) != get(prior, attribute.name))
        .map(|attribute| attribute.name);
    let blocks = block
        .blocks
        .iter()
        .filter(|nested| {
            let (new, old) = (get(state, nested.name), get(prior, nested.name));
            match nested.nesting {
                Nesting::List => new != old,
                Nesting::Set => in_any_order(new) != in_any_order(old),
            }
        })
        .map(|nested| nested.name);
    attributes
        .chain(blocks)
        .map(|name| Path::root().attribute(name))
        .collect()
}

fn in_any_order(set: &Value) -> Vec<Vec<u8>> {
    let mut items: Vec<_> = match set {
        Value::List(items) => items
            .iter()
            .map(|item| msgpack::encode(item).msgpack)
            .collect(),
        other => vec![msgpack::encode(other).msgpack],
    };
    items.sort();
    items
}

#[cfg(test)]
mod tests {
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
}

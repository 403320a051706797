//! Values as Terraform passes them, made to fit the declared types.

use std::collections::BTreeMap;

use super::diagnostics::{Diagnostic, Path};
use crate::attributes::{Block, DefaultValue, Type};

/// A value of a template or a state.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Not given.
    Null,
    /// Not known before something else was created.
    Unknown,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    String(String),
    /// A list or a set.
    List(Vec<Value>),
    /// A map or an object.
    Map(Object),
}

/// A number, in the narrowest form that holds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Number {
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A number too large for the others, as decimal text.
    Text(String),
}

/// The values of an object by attribute.
pub(super) type Object = BTreeMap<String, Value>;

/// What to do with attributes that the schema does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    /// Refuse them: a configuration is always of this schema.
    Refuse,
    /// Leave them out: a state may come from another version of the provider.
    Drop,
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::Int(value))
    }
}

impl From<DefaultValue> for Value {
    fn from(value: DefaultValue) -> Self {
        match value {
            DefaultValue::String(value) => value.into(),
            DefaultValue::Number(value) => value.into(),
            DefaultValue::Bool(value) => value.into(),
        }
    }
}

impl Value {
    /// Whether there is a value and it is known.
    pub(super) fn is_given(&self) -> bool {
        !matches!(self, Self::Null | Self::Unknown)
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, when it is whole.
    pub(super) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Number(Number::Int(value)) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn as_list(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Map(object) => Some(object),
            _ => None,
        }
    }
}

/// The attribute, null when absent.
pub(super) fn get<'a>(object: &'a Object, name: &str) -> &'a Value {
    object.get(name).unwrap_or(&Value::Null)
}

/// Sets an attribute.
pub(super) fn set(object: &mut Object, name: &str, value: impl Into<Value>) {
    object.insert(name.to_owned(), value.into());
}

/// Makes a value fit a block: every attribute present, nested blocks as lists.
///
/// # Errors
/// A diagnostic that points at the first value of another type.
pub(super) fn conform_block(
    block: &Block,
    value: Value,
    extra: Extra,
    path: &Path,
) -> Result<Object, Diagnostic> {
    let Value::Map(mut given) = value else {
        return Err(Diagnostic::error("Unexpected value", "An object is expected here.").at(path));
    };
    let mut object = Object::new();
    for attribute in block.attributes {
        let path = path.attribute(attribute.name);
        let value = given.remove(attribute.name).unwrap_or(Value::Null);
        object.insert(
            attribute.name.to_owned(),
            conform(&attribute.ty, value, &path)?,
        );
    }
    for nested in block.blocks {
        let path = path.attribute(nested.name);
        let value = match given.remove(nested.name).unwrap_or(Value::Null) {
            Value::Null => Value::List(Vec::new()),
            Value::Unknown => Value::Unknown,
            Value::List(items) => {
                let of = items.len();
                let mut list = Vec::with_capacity(of);
                for (index, item) in items.into_iter().enumerate() {
                    list.push(match item {
                        Value::Unknown => Value::Unknown,
                        item => {
                            let path = path.instance(nested.nesting, index, of);
                            Value::Map(conform_block(&nested.block, item, extra, &path)?)
                        }
                    });
                }
                Value::List(list)
            }
            _ => return Err(mismatch("a list of blocks", &path)),
        };
        object.insert(nested.name.to_owned(), value);
    }
    match given.keys().next() {
        Some(name) if extra == Extra::Refuse => {
            let path = path.attribute(name);
            Err(
                Diagnostic::error("Unknown attribute", format!("There is no {name:?} here."))
                    .at(&path),
            )
        }
        _ => Ok(object),
    }
}

fn conform(ty: &Type, value: Value, path: &Path) -> Result<Value, Diagnostic> {
    match (ty, value) {
        (_, value @ (Value::Null | Value::Unknown))
        | (Type::String, value @ Value::String(_))
        | (Type::Bool, value @ Value::Bool(_)) => Ok(value),
        (Type::Number, value) => whole(value, path),
        (Type::List(of), Value::List(items)) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| conform(of, item, &path.index(index)))
            .collect::<Result<_, _>>()
            .map(Value::List),
        (Type::Map(of), Value::Map(entries)) => entries
            .into_iter()
            .map(|(key, item)| {
                let item = conform(of, item, &path.key(&key))?;
                Ok((key, item))
            })
            .collect::<Result<_, _>>()
            .map(Value::Map),
        (Type::Object(fields), Value::Map(mut given)) => fields
            .iter()
            .map(|(name, of)| {
                let item = given.remove(*name).unwrap_or(Value::Null);
                Ok((
                    (*name).to_owned(),
                    conform(of, item, &path.attribute(name))?,
                ))
            })
            .collect::<Result<_, _>>()
            .map(Value::Map),
        (Type::String, _) => Err(mismatch("text", path)),
        (Type::Bool, _) => Err(mismatch("true or false", path)),
        (Type::List(_), _) => Err(mismatch("a list", path)),
        (Type::Map(_), _) => Err(mismatch("a map", path)),
        (Type::Object(_), _) => Err(mismatch("an object", path)),
    }
}

/// Numbers arrive in whatever form holds them; all of this provider's are whole.
fn whole(value: Value, path: &Path) -> Result<Value, Diagnostic> {
    let whole = match &value {
        Value::Number(Number::Int(value)) => Some(*value),
        Value::Number(Number::Float(value)) => format!("{value}").parse().ok(),
        Value::Number(Number::Text(text)) | Value::String(text) => text.parse().ok(),
        _ => return Err(mismatch("a number", path)),
    };
    whole
        .map(Value::from)
        .ok_or_else(|| mismatch("a whole number of at most 64 bits", path))
}

fn mismatch(expected: &str, path: &Path) -> Diagnostic {
    Diagnostic::error("Unexpected value", format!("This must be {expected}.")).at(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::{Agent, App, Shape};

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(
            entries
                .iter()
                .map(|(k, v)| ((*k).to_owned(), v.clone()))
                .collect(),
        )
    }

    #[test]
    fn what_is_missing_becomes_null_and_blocks_become_lists() {
        let value = map(&[("os", "linux".into())]);
        let agent = conform_block(&Agent::BLOCK, value, Extra::Refuse, &Path::root()).unwrap();
        assert_eq!(get(&agent, "os").as_str(), Some("linux"));
        assert_eq!(get(&agent, "arch"), &Value::Null);
        assert_eq!(get(&agent, "metadata"), &Value::List(vec![]));
    }

    #[test]
    fn numbers_of_every_form_are_read() {
        for form in [Number::Int(7), Number::Float(7.0), Number::Text("7".into())] {
            let value = map(&[("order", Value::Number(form))]);
            let app = conform_block(&App::BLOCK, value, Extra::Refuse, &Path::root()).unwrap();
            assert_eq!(get(&app, "order").as_int(), Some(7));
        }
        let value = map(&[("order", Value::Number(Number::Float(1.5)))]);
        let error = conform_block(&App::BLOCK, value, Extra::Refuse, &Path::root()).unwrap_err();
        assert!(error.detail.contains("whole number"), "{error:?}");
    }

    #[test]
    fn an_old_state_may_hold_what_the_schema_does_not() {
        let value = map(&[("login_before_ready", true.into())]);
        conform_block(&Agent::BLOCK, value.clone(), Extra::Drop, &Path::root()).unwrap();
        conform_block(&Agent::BLOCK, value, Extra::Refuse, &Path::root()).unwrap_err();
    }

    #[test]
    fn a_wrong_type_is_named_with_its_place() {
        let item = map(&[("key", 1.into())]);
        let value = map(&[("metadata", Value::List(vec![item]))]);
        let error = conform_block(&Agent::BLOCK, value, Extra::Refuse, &Path::root()).unwrap_err();
        assert_eq!(error.path.to_string(), "metadata[0].key");
    }
}

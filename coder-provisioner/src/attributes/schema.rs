//! What a declaration is made of.

use std::collections::BTreeMap;

/// The shape of a resource, data source or nested block: implemented by the structs of this module.
pub trait Shape {
    /// Its attributes and nested blocks.
    const BLOCK: Block;
}

/// Attributes and nested blocks of one level.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// What the block is for, in one or two sentences.
    pub description: &'static str,
    /// The attributes, in the order of declaration.
    pub attributes: &'static [Attribute],
    /// The nested blocks, in the order of declaration.
    pub blocks: &'static [NestedBlock],
}

/// One attribute.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name in the template.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// The type of its value.
    pub ty: Type,
    /// Who gives the value.
    pub presence: Presence,
    /// Whether Terraform hides the value in its output.
    pub sensitive: bool,
    /// Whether there is something better, for editors to say.
    pub deprecated: bool,
    /// The value when the template gives none.
    pub default: Option<DefaultValue>,
    /// What a given value must satisfy.
    pub rules: &'static [Rule],
    /// Attributes and blocks of the same level that may not be given together with this one.
    pub conflicts_with: &'static [&'static str],
}

/// One kind of nested block.
#[derive(Debug, Clone, Copy)]
pub struct NestedBlock {
    /// Its name in the template.
    pub name: &'static str,
    /// Its content.
    pub block: Block,
    /// Whether the order of its instances matters.
    pub nesting: Nesting,
    /// Whether there is something better, for editors to say.
    pub deprecated: bool,
    /// The least number of instances.
    pub min_items: u32,
    /// The largest number of instances, 0 for any.
    pub max_items: u32,
    /// Attributes in which no two instances may agree.
    pub unique: &'static [&'static str],
    /// Attributes and blocks of the same level that may not be given together with this one.
    pub conflicts_with: &'static [&'static str],
}

/// How the instances of a nested block are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// In the order of the template.
    List,
    /// Without order.
    Set,
}

/// Who gives the value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The template must.
    Required,
    /// The template may; otherwise the value is null or the default.
    Optional,
    /// Only the provider does.
    Computed,
    /// The template may; otherwise the provider does.
    OptionalComputed,
}

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// A whole number. Terraform has no separate type for these.
    Number,
    /// `true` or `false`.
    Bool,
    /// A sequence.
    List(&'static Type),
    /// Values by text key.
    Map(&'static Type),
    /// Fixed fields.
    Object(&'static [(&'static str, Type)]),
}

/// The value of an attribute that the template leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// Text.
    String(&'static str),
    /// A whole number.
    Number(i64),
    /// `true` or `false`.
    Bool(bool),
}

/// What a given value must satisfy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// At least this number.
    AtLeast(i64),
    /// A number within these bounds, both included.
    Between(i64, i64),
    /// Text of at most so many bytes.
    MaxBytes(usize),
    /// Text, or a map whose values are texts, that is not empty.
    NotEmpty,
    /// Text that parses as a URL or as a path that can stand for one.
    Url,
    /// A UUID.
    Uuid,
    /// A path that starts with a slash.
    AbsolutePath,
    /// Text that matches a regular expression.
    Matches {
        /// The regular expression, anchored at both ends.
        pattern: &'static str,
        /// What the expression stands for, to follow "must be".
        meaning: &'static str,
    },
}

/// A Rust type that stands for an attribute type.
pub trait AttributeType {
    /// The attribute type.
    const TYPE: Type;
}

impl AttributeType for String {
    const TYPE: Type = Type::String;
}

impl AttributeType for i64 {
    const TYPE: Type = Type::Number;
}

impl AttributeType for bool {
    const TYPE: Type = Type::Bool;
}

impl<T: AttributeType> AttributeType for Vec<T> {
    const TYPE: Type = Type::List(&T::TYPE);
}

impl<T: AttributeType> AttributeType for BTreeMap<String, T> {
    const TYPE: Type = Type::Map(&T::TYPE);
}

/// An attribute that the template must give.
pub(super) const fn required() -> Attribute {
    Attribute {
        name: "",
        description: "",
        ty: Type::String,
        presence: Presence::Required,
        sensitive: false,
        deprecated: false,
        default: None,
        rules: &[],
        conflicts_with: &[],
    }
}

/// An attribute that the template may give.
pub(super) const fn optional() -> Attribute {
    Attribute {
        presence: Presence::Optional,
        ..required()
    }
}

/// An attribute that the provider gives.
pub(super) const fn computed() -> Attribute {
    Attribute {
        presence: Presence::Computed,
        ..required()
    }
}

/// An attribute with a default.
pub(super) const fn default(value: DefaultValue) -> Attribute {
    Attribute {
        default: Some(value),
        ..optional()
    }
}

impl Attribute {
    pub(super) const fn rules(self, rules: &'static [Rule]) -> Self {
        Self { rules, ..self }
    }

    pub(super) const fn conflicts_with(self, others: &'static [&'static str]) -> Self {
        Self {
            conflicts_with: others,
            ..self
        }
    }

    pub(super) const fn sensitive(self) -> Self {
        Self {
            sensitive: true,
            ..self
        }
    }

    pub(super) const fn deprecated(self) -> Self {
        Self {
            deprecated: true,
            ..self
        }
    }

    pub(super) const fn or_computed(self) -> Self {
        Self {
            presence: Presence::OptionalComputed,
            ..self
        }
    }

    pub(super) const fn declared(
        self,
        field: &'static str,
        description: &'static str,
        ty: Type,
    ) -> Self {
        Self {
            name: field_name(field),
            description,
            ty,
            ..self
        }
    }
}

/// Any number of blocks, in order.
pub(super) const fn list() -> NestedBlock {
    NestedBlock {
        name: "",
        block: Block {
            description: "",
            attributes: &[],
            blocks: &[],
        },
        nesting: Nesting::List,
        deprecated: false,
        min_items: 0,
        max_items: 0,
        unique: &[],
        conflicts_with: &[],
    }
}

/// Any number of blocks, without order.
pub(super) const fn set() -> NestedBlock {
    NestedBlock {
        nesting: Nesting::Set,
        ..list()
    }
}

impl NestedBlock {
    pub(super) const fn at_least(self, min_items: u32) -> Self {
        Self { min_items, ..self }
    }

    pub(super) const fn at_most(self, max_items: u32) -> Self {
        Self { max_items, ..self }
    }

    pub(super) const fn deprecated(self) -> Self {
        Self {
            deprecated: true,
            ..self
        }
    }

    pub(super) const fn unique(self, unique: &'static [&'static str]) -> Self {
        Self { unique, ..self }
    }

    pub(super) const fn conflicts_with(self, others: &'static [&'static str]) -> Self {
        Self {
            conflicts_with: others,
            ..self
        }
    }

    pub(super) const fn declared(
        self,
        field: &'static str,
        description: &'static str,
        block: Block,
    ) -> Self {
        Self {
            name: field_name(field),
            block: Block {
                description,
                ..block
            },
            ..self
        }
    }
}

/// The name without the mark that lets a Rust keyword be a field.
const fn field_name(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', rest @ ..] => match std::str::from_utf8(rest) {
            Ok(name) => name,
            Err(_) => field,
        },
        _ => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::{Agent, Parameter};

    #[test]
    fn a_declaration_becomes_names_types_and_flags() {
        let find = |name| {
            Agent::BLOCK
                .attributes
                .iter()
                .find(|a| a.name == name)
                .unwrap()
        };
        assert_eq!(find("os").presence, Presence::Required);
        assert_eq!(find("env").ty, Type::Map(&Type::String));
        assert!(find("token").sensitive);
        assert_eq!(
            find("connection_timeout").default,
            Some(DefaultValue::Number(120))
        );
        assert!(find("dir").description.contains("directory"));
        assert_eq!(Agent::BLOCK.blocks[0].name, "metadata");
    }

    #[test]
    fn a_keyword_is_a_plain_name() {
        assert!(Parameter::BLOCK.attributes.iter().any(|a| a.name == "type"));
    }

    #[test]
    fn what_terraform_shows_is_read_whatever_is_missing() {
        let json = r#"{"os":"linux","env":null,"order":3,"metadata":[{"key":"cpu"}],"odd":1}"#;
        let agent: Agent = serde_json::from_str(json).unwrap();
        assert_eq!(agent.os.as_deref(), Some("linux"));
        assert_eq!(agent.order, Some(3));
        assert_eq!(agent.metadata[0].key.as_deref(), Some("cpu"));
        assert!(agent.token.is_none());
    }

    #[test]
    fn no_value_is_printed_by_debug() {
        let agent = Agent {
            token: Some("hush".into()),
            ..Agent::default()
        };
        assert_eq!(format!("{agent:?}"), "Agent { .. }");
    }
}

//! The declarations as Terraform wants to see them.

use super::wire;
use crate::attributes::{Attribute, Block, NestedBlock, Nesting, Presence, Type};

/// The version of every resource's state, as the published provider counts it.
const STATE_VERSION: i64 = 1;

/// The schema of a resource or data source.
pub(super) fn schema(block: &Block) -> wire::Schema {
    wire::Schema {
        version: STATE_VERSION,
        block: Some(schema_block(block)),
    }
}

fn schema_block(block: &Block) -> wire::SchemaBlock {
    wire::SchemaBlock {
        attributes: block.attributes.iter().map(schema_attribute).collect(),
        block_types: block.blocks.iter().map(schema_nested_block).collect(),
        description: block.description.trim().to_owned(),
        deprecated: false,
    }
}

fn schema_attribute(attribute: &Attribute) -> wire::SchemaAttribute {
    let optional = matches!(
        attribute.presence,
        Presence::Optional | Presence::OptionalComputed
    );
    // A value that is not in the configuration is only accepted from an attribute that is computed.
    let computed = matches!(
        attribute.presence,
        Presence::Computed | Presence::OptionalComputed
    ) || attribute.default.is_some();
    wire::SchemaAttribute {
        name: attribute.name.to_owned(),
        r#type: type_name(&attribute.ty).to_string().into_bytes(),
        description: attribute.description.trim().to_owned(),
        required: attribute.presence == Presence::Required,
        optional,
        computed,
        sensitive: attribute.sensitive,
        deprecated: attribute.deprecated,
    }
}

fn schema_nested_block(nested: &NestedBlock) -> wire::SchemaNestedBlock {
    wire::SchemaNestedBlock {
        type_name: nested.name.to_owned(),
        block: Some(wire::SchemaBlock {
            deprecated: nested.deprecated,
            ..schema_block(&nested.block)
        }),
        nesting: match nested.nesting {
            Nesting::List => 2,
            Nesting::Set => 3,
        },
        min_items: i64::from(nested.min_items),
        max_items: i64::from(nested.max_items),
    }
}

fn type_name(ty: &Type) -> serde_json::Value {
    use serde_json::json;
    match ty {
        Type::String => json!("string"),
        Type::Number => json!("number"),
        Type::Bool => json!("bool"),
        Type::List(of) => json!(["list", type_name(of)]),
        Type::Map(of) => json!(["map", type_name(of)]),
        Type::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, of)| ((*name).to_owned(), type_name(of)));
            json!(["object", serde_json::Map::from_iter(fields)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::{Agent, AiTask, Shape, WorkspaceOwner};

    #[test]
    fn types_are_written_as_terraform_reads_them() {
        let owner = schema(&WorkspaceOwner::BLOCK).block.unwrap();
        let ty = |name| {
            let attribute = owner.attributes.iter().find(|a| a.name == name).unwrap();
            String::from_utf8(attribute.r#type.clone()).unwrap()
        };
        assert_eq!(ty("groups"), r#"["list","string"]"#);
        assert_eq!(
            ty("rbac_roles"),
            r#"["list",["object",{"name":"string","org_id":"string"}]]"#
        );
    }

    #[test]
    fn a_default_makes_an_attribute_computed_too() {
        let agent = schema(&Agent::BLOCK).block.unwrap();
        let auth = agent.attributes.iter().find(|a| a.name == "auth").unwrap();
        assert!(auth.optional && auth.computed && !auth.required);
        let dir = agent.attributes.iter().find(|a| a.name == "dir").unwrap();
        assert!(dir.optional && !dir.computed);
    }

    #[test]
    fn what_is_deprecated_is_marked() {
        let agent = schema(&Agent::BLOCK).block.unwrap();
        let marked: Vec<_> = agent.attributes.iter().filter(|a| a.deprecated).collect();
        assert_eq!((marked.len(), marked[0].name.as_str()), (1, "dir"));
        let task = schema(&AiTask::BLOCK).block.unwrap();
        assert!(!task.deprecated);
        assert!(task.block_types[0].block.as_ref().unwrap().deprecated);
    }
}

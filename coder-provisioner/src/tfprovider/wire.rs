//! The messages of Terraform's plugin protocol, version 6, as far as this provider takes part.
//!
//! Only the fields that are read or written are here; unknown ones are skipped when decoding, as
//! protocol buffers allow.

use std::collections::BTreeMap;

/// A request or answer without content.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DynamicValue {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) msgpack: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) json: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Diagnostic {
    /// 1 is an error, 2 a warning.
    #[prost(int32, tag = "1")]
    pub(super) severity: i32,
    #[prost(string, tag = "2")]
    pub(super) summary: String,
    #[prost(string, tag = "3")]
    pub(super) detail: String,
    #[prost(message, optional, tag = "4")]
    pub(super) attribute: Option<AttributePath>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AttributePath {
    #[prost(message, repeated, tag = "1")]
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Step {
    #[prost(oneof = "Selector", tags = "1, 2, 3")]
    pub(super) selector: Option<Selector>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Selector {
    #[prost(string, tag = "1")]
    AttributeName(String),
    #[prost(string, tag = "2")]
    ElementKeyString(String),
    #[prost(int64, tag = "3")]
    ElementKeyInt(i64),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Schema {
    #[prost(int64, tag = "1")]
    pub(super) version: i64,
    #[prost(message, optional, tag = "2")]
    pub(super) block: Option<SchemaBlock>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SchemaBlock {
    #[prost(message, repeated, tag = "2")]
    pub(super) attributes: Vec<SchemaAttribute>,
    #[prost(message, repeated, tag = "3")]
    pub(super) block_types: Vec<SchemaNestedBlock>,
    #[prost(string, tag = "4")]
    pub(super) description: String,
    #[prost(bool, tag = "6")]
    pub(super) deprecated: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SchemaAttribute {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    /// The type as JSON: `"string"`, `["map","string"]`.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) r#type: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(super) description: String,
    #[prost(bool, tag = "4")]
    pub(super) required: bool,
    #[prost(bool, tag = "5")]
    pub(super) optional: bool,
    #[prost(bool, tag = "6")]
    pub(super) computed: bool,
    #[prost(bool, tag = "7")]
    pub(super) sensitive: bool,
    #[prost(bool, tag = "9")]
    pub(super) deprecated: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SchemaNestedBlock {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) block: Option<SchemaBlock>,
    /// 2 is a list, 3 a set.
    #[prost(int32, tag = "3")]
    pub(super) nesting: i32,
    #[prost(int64, tag = "4")]
    pub(super) min_items: i64,
    #[prost(int64, tag = "5")]
    pub(super) max_items: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ProviderSchema {
    #[prost(message, optional, tag = "1")]
    pub(super) provider: Option<Schema>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(super) resource_schemas: BTreeMap<String, Schema>,
    #[prost(btree_map = "string, message", tag = "3")]
    pub(super) data_source_schemas: BTreeMap<String, Schema>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ValidateProviderConfigRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) config: Option<DynamicValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ValidateProviderConfigResponse {
    #[prost(message, repeated, tag = "2")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ConfigureProviderRequest {
    #[prost(message, optional, tag = "2")]
    pub(super) config: Option<DynamicValue>,
}

/// The answer to configuring the provider and to validating a resource or data source.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DiagnosticsResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// The request to validate or read a data source, or to validate a resource.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ConfigRequest {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) config: Option<DynamicValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct UpgradeResourceStateRequest {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "3")]
    pub(super) raw_state: Option<RawState>,
}

/// A stored state, which is JSON in every version that this provider can meet.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RawState {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) json: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReadResourceRequest {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) current_state: Option<DynamicValue>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) private: Vec<u8>,
}

/// The answer to upgrading a state and to reading a data source.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StateResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) state: Option<DynamicValue>,
    #[prost(message, repeated, tag = "2")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReadResourceResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) new_state: Option<DynamicValue>,
    #[prost(message, repeated, tag = "2")]
    pub(super) diagnostics: Vec<Diagnostic>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) private: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PlanResourceChangeRequest {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) prior_state: Option<DynamicValue>,
    #[prost(message, optional, tag = "3")]
    pub(super) proposed_new_state: Option<DynamicValue>,
    #[prost(message, optional, tag = "4")]
    pub(super) config: Option<DynamicValue>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) prior_private: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PlanResourceChangeResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) planned_state: Option<DynamicValue>,
    #[prost(message, repeated, tag = "2")]
    pub(super) requires_replace: Vec<AttributePath>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) planned_private: Vec<u8>,
    #[prost(message, repeated, tag = "4")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ApplyResourceChangeRequest {
    #[prost(string, tag = "1")]
    pub(super) type_name: String,
    #[prost(message, optional, tag = "3")]
    pub(super) planned_state: Option<DynamicValue>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) planned_private: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ApplyResourceChangeResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) new_state: Option<DynamicValue>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) private: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

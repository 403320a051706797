//! What the provider answers to each request of Terraform.

use std::sync::Mutex;

use url::Url;

use super::data_source::DATA_SOURCES;
use super::diagnostics::{Diagnostic, Path, has_error};
use super::environment::Environment;
use super::kind::{Context, DataSource, Resource, random_id};
use super::resource::RESOURCES;
use super::value::{Extra, Object, Value, conform_block, get};
use super::wire::{self, DynamicValue};
use super::{msgpack, plan, schema, validate};
use crate::attributes::{self, Block, Shape};

/// The access URL where neither the template nor the environment gives one.
const DEFAULT_ACCESS_URL: &str = "https://mydeployment.coder.com";

/// The provider, once per process.
#[derive(Debug)]
pub(super) struct Provider {
    environment: Environment,
    access_url: Mutex<String>,
}

impl Provider {
    pub(super) fn new(environment: Environment) -> Self {
        let url = environment
            .get("CODER_AGENT_URL")
            .unwrap_or(DEFAULT_ACCESS_URL)
            .to_owned();
        Self {
            environment,
            access_url: Mutex::new(url),
        }
    }

    pub(super) fn schema(&self, _: wire::Empty) -> wire::ProviderSchema {
        let named = |name: &str, block| (name.to_owned(), schema::schema(block));
        wire::ProviderSchema {
            provider: Some(schema::schema(&attributes::Provider::BLOCK)),
            resource_schemas: RESOURCES
                .iter()
                .map(|r| named(r.type_name, &r.block))
                .collect(),
            data_source_schemas: DATA_SOURCES
                .iter()
                .map(|d| named(d.type_name, &d.block))
                .collect(),
        }
    }

    pub(super) fn validate_provider(
        &self,
        request: wire::ValidateProviderConfigRequest,
    ) -> wire::ValidateProviderConfigResponse {
        let result = configured_url(request.config.as_ref());
        let diagnostics = result
            .err()
            .map(Diagnostic::into_wire)
            .into_iter()
            .collect();
        wire::ValidateProviderConfigResponse { diagnostics }
    }

    pub(super) fn configure(
        &self,
        request: wire::ConfigureProviderRequest,
    ) -> wire::DiagnosticsResponse {
        let configured = configured_url(request.config.as_ref()).and_then(|url| {
            let mut access_url = self
                .access_url
                .lock()
                .unwrap_or_else(|lock| lock.into_inner());
            match url {
                Some(url) => *access_url = url,
                None => check_url(&access_url, "CODER_AGENT_URL")?,
            }
            Ok(())
        });
        let diagnostics = configured.err().map(Diagnostic::into_wire);
        wire::DiagnosticsResponse {
            diagnostics: diagnostics.into_iter().collect(),
        }
    }

    pub(super) fn validate_resource(
        &self,
        request: wire::ConfigRequest,
    ) -> wire::DiagnosticsResponse {
        let result = resource(&request.type_name)
            .and_then(|kind| check(&kind.block, kind.validate, request.config.as_ref()));
        diagnostics_response(result)
    }

    pub(super) fn validate_data_source(
        &self,
        request: wire::ConfigRequest,
    ) -> wire::DiagnosticsResponse {
        let result = data_source(&request.type_name)
            .and_then(|kind| check(&kind.block, kind.validate, request.config.as_ref()));
        diagnostics_response(result)
    }

    pub(super) fn upgrade(
        &self,
        request: wire::UpgradeResourceStateRequest,
    ) -> wire::StateResponse {
        let result = resource(&request.type_name).and_then(|kind| {
            let json = request.raw_state.unwrap_or_default().json;
            let state = msgpack::decode_json(&json)?;
            conform_block(&kind.block, state, Extra::Drop, &Path::root())
        });
        state_response(result.map_err(|error| vec![error]))
    }

    pub(super) fn read(&self, request: wire::ReadResourceRequest) -> wire::ReadResourceResponse {
        let result = resource(&request.type_name).and_then(|kind| {
            let state = object(&kind.block, request.current_state.as_ref(), Extra::Drop)?;
            let Some(mut state) = state else {
                return Ok(None);
            };
            self.with_context(|context| (kind.read)(context, &mut state))?;
            Ok(Some(state))
        });
        let (new_state, diagnostics) = split(result);
        wire::ReadResourceResponse {
            new_state,
            diagnostics,
            private: request.private,
        }
    }

    pub(super) fn plan(
        &self,
        request: wire::PlanResourceChangeRequest,
    ) -> wire::PlanResourceChangeResponse {
        let result = resource(&request.type_name).and_then(|kind| {
            let prior = object(&kind.block, request.prior_state.as_ref(), Extra::Drop)?;
            let proposed = object(
                &kind.block,
                request.proposed_new_state.as_ref(),
                Extra::Refuse,
            )?;
            let config = object(&kind.block, request.config.as_ref(), Extra::Refuse)?;
            Ok(match (proposed, config) {
                (Some(_), Some(config)) => Some(plan::plan(
                    &kind.block,
                    &config,
                    prior.as_ref(),
                    kind.derive,
                )),
                _ => None,
            })
        });
        let (result, requires_replace) = match result {
            Ok(Some(plan)) => {
                let paths = plan.replaced_by.into_iter().map(Path::into_wire).collect();
                (Ok(Some(plan.state)), paths)
            }
            Ok(None) => (Ok(None), Vec::new()),
            Err(error) => (Err(error), Vec::new()),
        };
        let (planned_state, diagnostics) = split(result);
        wire::PlanResourceChangeResponse {
            planned_state,
            requires_replace,
            planned_private: request.prior_private,
            diagnostics,
        }
    }

    pub(super) fn apply(
        &self,
        request: wire::ApplyResourceChangeRequest,
    ) -> wire::ApplyResourceChangeResponse {
        let result = resource(&request.type_name).and_then(|kind| {
            let planned = object(&kind.block, request.planned_state.as_ref(), Extra::Refuse)?;
            let Some(mut state) = planned else {
                return Ok(None);
            };
            if get(&state, "id") == &Value::Unknown {
                self.create(kind, &mut state)?;
            }
            known(&mut state);
            Ok(Some(state))
        });
        let (new_state, diagnostics) = split(result);
        let private = request.planned_private;
        wire::ApplyResourceChangeResponse {
            new_state,
            private,
            diagnostics,
        }
    }

    pub(super) fn read_data_source(&self, request: wire::ConfigRequest) -> wire::StateResponse {
        let result = data_source(&request.type_name)
            .and_then(|kind| {
                let config = object(&kind.block, request.config.as_ref(), Extra::Refuse)?;
                Ok((kind, config.unwrap_or_default()))
            })
            .map_err(|error| vec![error])
            .and_then(|(kind, config)| {
                let mut state = plan::filled(&kind.block, &config, None);
                self.with_context(|context| {
                    if get(&state, "id") == &Value::Unknown {
                        let id = context.id().map_err(|error| vec![error])?;
                        state.insert("id".to_owned(), id.into());
                    }
                    (kind.read)(context, &mut state)
                })?;
                known(&mut state);
                Ok(state)
            });
        state_response(result)
    }

    fn create(&self, kind: &Resource, state: &mut Object) -> Result<(), Diagnostic> {
        self.with_context(|context| {
            state.insert("id".to_owned(), context.id()?.into());
            (kind.create)(context, state)
        })
    }

    fn with_context<T>(&self, call: impl FnOnce(&Context<'_>) -> T) -> T {
        let access_url = self
            .access_url
            .lock()
            .unwrap_or_else(|lock| lock.into_inner())
            .clone();
        let environment = &self.environment;
        call(&Context {
            environment,
            access_url: &access_url,
            new_id: random_id,
        })
    }
}

fn resource(name: &str) -> Result<&'static Resource, Diagnostic> {
    let found = RESOURCES.iter().find(|kind| kind.type_name == name);
    found.ok_or_else(|| unknown_type("resource", name))
}

fn data_source(name: &str) -> Result<&'static DataSource, Diagnostic> {
    let found = DATA_SOURCES.iter().find(|kind| kind.type_name == name);
    found.ok_or_else(|| unknown_type("data source", name))
}

fn unknown_type(what: &str, name: &str) -> Diagnostic {
    Diagnostic::error(
        format!("Unknown {what}"),
        format!("There is no {what} {name:?}."),
    )
}

/// The object in a value, or nothing when it is null.
fn object(
    block: &Block,
    value: Option<&DynamicValue>,
    extra: Extra,
) -> Result<Option<Object>, Diagnostic> {
    match msgpack::decode(value)? {
        Value::Null => Ok(None),
        value => conform_block(block, value, extra, &Path::root()).map(Some),
    }
}

/// The URL that a provider block gives, if it does and if it is known.
fn configured_url(config: Option<&DynamicValue>) -> Result<Option<String>, Diagnostic> {
    let config = object(&attributes::Provider::BLOCK, config, Extra::Refuse)?.unwrap_or_default();
    let Some(url) = get(&config, "url").as_str() else {
        return Ok(None);
    };
    check_url(url, "url").map_err(|error| error.at(&Path::root().attribute("url")))?;
    Ok(Some(url.to_owned()))
}

fn check_url(url: &str, from: &str) -> Result<(), Diagnostic> {
    Url::parse(url).map(drop).map_err(|error| {
        let detail = format!("{url:?} is not a URL: {error}.");
        Diagnostic::error(format!("Invalid {from}"), detail)
    })
}

fn check(
    block: &Block,
    more: fn(&Object) -> Vec<Diagnostic>,
    config: Option<&DynamicValue>,
) -> Result<Vec<Diagnostic>, Diagnostic> {
    let config = object(block, config, Extra::Refuse)?.unwrap_or_default();
    let mut found = validate::validate(block, &config, &Path::root());
    if !has_error(&found) {
        found.extend(more(&config));
    }
    Ok(found)
}

/// Everything must be known once a resource exists; what nobody gave is null.
fn known(object: &mut Object) {
    object.values_mut().for_each(known_value);
}

fn known_value(value: &mut Value) {
    match value {
        Value::Unknown => *value = Value::Null,
        Value::List(items) => items.iter_mut().for_each(known_value),
        Value::Map(object) => known(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

fn diagnostics_response(result: Result<Vec<Diagnostic>, Diagnostic>) -> wire::DiagnosticsResponse {
    let diagnostics = result.unwrap_or_else(|error| vec![error]);
    let diagnostics = diagnostics.into_iter().map(Diagnostic::into_wire).collect();
    wire::DiagnosticsResponse { diagnostics }
}

fn state_response(result: Result<Object, Vec<Diagnostic>>) -> wire::StateResponse {
    match result {
        Ok(state) => wire::StateResponse {
            state: Some(msgpack::encode_object(state)),
            diagnostics: Vec::new(),
        },
        Err(errors) => wire::StateResponse {
            state: None,
            diagnostics: errors.into_iter().map(Diagnostic::into_wire).collect(),
        },
    }
}

/// A state and no diagnostics, or the other way round.
fn split(
    result: Result<Option<Object>, Diagnostic>,
) -> (Option<DynamicValue>, Vec<wire::Diagnostic>) {
    match result {
        Ok(Some(state)) => (Some(msgpack::encode_object(state)), Vec::new()),
        Ok(None) => (Some(msgpack::encode(&Value::Null)), Vec::new()),
        Err(error) => (None, vec![error.into_wire()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Provider {
        Provider::new(Environment::default())
    }

    fn encoded(entries: &[(&str, Value)]) -> Option<DynamicValue> {
        let object = entries
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.clone()))
            .collect();
        Some(msgpack::encode_object(object))
    }

    fn decoded(value: Option<DynamicValue>) -> Object {
        match msgpack::decode(value.as_ref()) {
            Ok(Value::Map(object)) => object,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_kind_is_in_the_schema() {
        let schema = provider().schema(wire::Empty {});
        assert_eq!(schema.resource_schemas.len(), 9);
        assert_eq!(schema.data_source_schemas.len(), 9);
        let schemas = schema
            .resource_schemas
            .values()
            .chain(schema.data_source_schemas.values());
        for attribute in schemas.flat_map(|s| &s.block.as_ref().unwrap().attributes) {
            assert!(
                attribute.required ^ (attribute.optional || attribute.computed),
                "{attribute:?}"
            );
            assert!(!attribute.description.is_empty(), "{attribute:?}");
        }
        assert!(schema.resource_schemas.values().all(|schema| {
            let attributes = &schema.block.as_ref().unwrap().attributes;
            attributes
                .iter()
                .any(|attribute| attribute.name == "id" && attribute.computed)
        }));
    }

    #[test]
    fn an_agent_is_planned_created_read_and_destroyed() {
        let provider = provider();
        let type_name = "coder_agent".to_owned();
        let config = encoded(&[("os", "linux".into()), ("arch", "amd64".into())]);
        let plan = provider.plan(wire::PlanResourceChangeRequest {
            type_name: type_name.clone(),
            proposed_new_state: config.clone(),
            config,
            prior_private: b"p".to_vec(),
            ..Default::default()
        });
        assert_eq!(plan.diagnostics, []);
        assert_eq!(plan.planned_private, b"p");
        assert_eq!(
            get(&decoded(plan.planned_state.clone()), "id"),
            &Value::Unknown
        );

        let applied = provider.apply(wire::ApplyResourceChangeRequest {
            type_name: type_name.clone(),
            planned_state: plan.planned_state,
            ..Default::default()
        });
        let state = decoded(applied.new_state.clone());
        assert!(get(&state, "token").as_str().is_some());

        let read = provider.read(wire::ReadResourceRequest {
            type_name: type_name.clone(),
            current_state: applied.new_state,
            ..Default::default()
        });
        let read = decoded(read.new_state);
        assert_eq!(get(&read, "id"), get(&state, "id"));
        assert_ne!(get(&read, "token"), get(&state, "token"));

        let destroyed = provider.apply(wire::ApplyResourceChangeRequest {
            type_name,
            planned_state: Some(msgpack::encode(&Value::Null)),
            ..Default::default()
        });
        let state = msgpack::decode(destroyed.new_state.as_ref()).unwrap();
        assert_eq!(state, Value::Null);
    }

    #[test]
    fn a_stored_state_becomes_one_of_this_schema() {
        let json = br#"{"id":"1","os":"linux","login_before_ready":true}"#.to_vec();
        let upgraded = provider().upgrade(wire::UpgradeResourceStateRequest {
            type_name: "coder_agent".into(),
            raw_state: Some(wire::RawState { json }),
        });
        let state = decoded(upgraded.state);
        assert_eq!(get(&state, "id").as_str(), Some("1"));
        assert_eq!(get(&state, "metadata"), &Value::List(vec![]));
        assert!(!state.contains_key("login_before_ready"));
    }

    #[test]
    fn the_provider_block_may_give_the_url() {
        let provider = provider();
        let validated = |url: &str| {
            let config = encoded(&[("url", url.into())]);
            let request = wire::ValidateProviderConfigRequest { config };
            provider.validate_provider(request).diagnostics.len()
        };
        assert_eq!(
            (validated("https://a"), validated(""), validated("a b")),
            (0, 1, 1)
        );
        let config = encoded(&[("url", "http://example.com:99".into())]);
        provider.configure(wire::ConfigureProviderRequest { config });
        let config = encoded(&[]);
        let type_name = "coder_workspace".to_owned();
        let read = provider.read_data_source(wire::ConfigRequest { type_name, config });
        assert_eq!(get(&decoded(read.state), "access_port").as_int(), Some(99));
    }

    #[test]
    fn the_url_of_the_environment_must_be_one() {
        let configured = |url: &str, config| {
            let environment = [("CODER_AGENT_URL", url)].into_iter().collect();
            let provider = Provider::new(environment);
            let request = wire::ConfigureProviderRequest { config };
            let found = provider.configure(request).diagnostics.into_iter();
            found.map(|error| error.summary).collect::<Vec<_>>()
        };
        let own = || encoded(&[("url", "http://a".into())]);
        assert_eq!(
            configured("no url", encoded(&[])),
            ["Invalid CODER_AGENT_URL"]
        );
        assert_eq!(configured("no url", own()), [""; 0]);
        assert_eq!(configured("http://a", encoded(&[])), [""; 0]);
        assert_eq!(configured("", encoded(&[])), [""; 0], "the default");
    }

    #[test]
    fn what_is_no_value_or_no_type_is_a_diagnostic() {
        let provider = provider();
        for (type_name, msgpack) in [
            ("coder_agent", vec![0x01]),
            ("coder_agent", vec![0xdd, 0xff, 0xff, 0xff, 0xff]),
            ("coder_agent", vec![0x93, 1, 2, 3]),
            ("coder_agent", vec![0x81, 0xa2, b'o', b's', 0x01]),
            ("coder_agent", vec![0x81, 0xa1, b'x', 0x01]),
            ("coder_nothing", vec![0x80]),
        ] {
            let type_name = type_name.to_owned();
            let value = Some(DynamicValue {
                msgpack: msgpack.clone(),
                json: Vec::new(),
            });
            let data = wire::ConfigRequest {
                type_name: type_name.replace("agent", "parameter"),
                config: value.clone(),
            };
            let config = wire::ConfigRequest {
                type_name: type_name.clone(),
                config: value.clone(),
            };
            let plan = wire::PlanResourceChangeRequest {
                type_name: type_name.clone(),
                proposed_new_state: value.clone(),
                config: value.clone(),
                ..Default::default()
            };
            let apply = wire::ApplyResourceChangeRequest {
                type_name: type_name.clone(),
                planned_state: value.clone(),
                ..Default::default()
            };
            let upgrade = wire::UpgradeResourceStateRequest {
                type_name,
                raw_state: Some(wire::RawState { json: msgpack }),
            };
            for diagnostics in [
                provider.validate_resource(config).diagnostics,
                provider.read_data_source(data).diagnostics,
                provider.plan(plan).diagnostics,
                provider.apply(apply).diagnostics,
                provider.upgrade(upgrade).diagnostics,
            ] {
                assert_eq!(diagnostics.len(), 1, "{value:?}");
                assert_eq!(diagnostics[0].severity, 1);
            }
        }
    }
}

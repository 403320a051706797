//! The OpenAPI document, made of the same declarations as the router.

use super::error::Response;
use utoipa::{
    Modify, OpenApi, PartialSchema as _, ToSchema as _,
    openapi::{
        Content, OpenApi as Document, Ref, RefOr, ResponseBuilder,
        path::Operation,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// The name of the security scheme of users.
pub const SESSION: &str = "CoderSessionToken";
/// The name of the security scheme of agents.
pub const AGENT: &str = "CoderAgentToken";
/// The name of the security scheme of external provisioner daemons.
pub const PROVISIONER: &str = "CoderProvisionerKey";

/// What stands around the operations.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Coder API",
        description = "Remote development: templates, workspaces, agents. Every error has the body `Response`.",
        license(name = "MIT OR Apache-2.0")
    ),
    modifiers(&Schemes)
)]
pub(super) struct Base;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let header = |name| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(name)));
        components.add_security_scheme(SESSION, header("Coder-Session-Token"));
        components.add_security_scheme(AGENT, header("Coder-Session-Token"));
        let key = header("Coder-Provisioner-Daemon-Key");
        components.add_security_scheme(PROVISIONER, key);
        let psk = header("Coder-Provisioner-Daemon-PSK");
        components.add_security_scheme("CoderProvisionerPSK", psk);
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("Bearer", SecurityScheme::Http(bearer));
    }
}

/// Adds what all operations have in common: the body of errors.
pub(super) fn complete(document: &mut Document) {
    let components = document.components.get_or_insert_default();
    let mut schemas = Vec::new();
    Response::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components
        .schemas
        .insert(Response::name().into_owned(), Response::schema());
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
            &mut item.head,
            &mut item.options,
            &mut item.trace,
        ];
        operations.into_iter().flatten().for_each(add_error);
    }
}

fn add_error(operation: &mut Operation) {
    let body = RefOr::Ref(Ref::from_schema_name(Response::name()));
    let content = Content::new(Some(body));
    let error = ResponseBuilder::new()
        .description("The request was refused or failed")
        .content("application/json", content);
    let responses = &mut operation.responses.responses;
    responses
        .entry("default".to_owned())
        .or_insert(RefOr::T(error.build()));
}

/// The document as it is kept in `docs/api/openapi.json`.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json() -> Result<String, serde_json::Error> {
    let mut text = super::api().into_openapi().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

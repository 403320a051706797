//! What a resource and a data source are made of.

use url::Url;
use uuid::Uuid;

use super::diagnostics::Diagnostic;
use super::environment::Environment;
use super::value::Object;
use crate::attributes::{Block, Shape};

/// What filling in a value may fall back on.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) environment: &'a Environment,
    /// The URL of the deployment, as given.
    pub(super) access_url: &'a str,
    /// Makes an id.
    pub(super) new_id: fn() -> Result<Uuid, Diagnostic>,
}

impl Context<'_> {
    /// A new random id.
    pub(super) fn id(&self) -> Result<String, Diagnostic> {
        (self.new_id)().map(|id| id.to_string())
    }

    /// The URL of the deployment.
    pub(super) fn url(&self) -> Result<Url, Diagnostic> {
        Url::parse(self.access_url).map_err(|error| {
            let detail = format!("{:?} is not a URL: {error}.", self.access_url);
            Diagnostic::error("Invalid access URL", detail)
        })
    }
}

/// A random id from the operating system.
pub(super) fn random_id() -> Result<Uuid, Diagnostic> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Diagnostic::error(
            "No randomness",
            format!("The system gave no random bytes: {error}."),
        )
    })?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// A kind of resource.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) type_name: &'static str,
    pub(super) block: Block,
    /// Finds what the rules of the declaration cannot express.
    pub(super) validate: fn(&Object) -> Vec<Diagnostic>,
    /// Fills in what follows from the configuration alone.
    pub(super) derive: fn(&mut Object),
    /// Fills in what the provider gives at creation; the id is there already.
    pub(super) create: fn(&Context<'_>, &mut Object) -> Result<(), Diagnostic>,
    /// Brings an existing resource up to date.
    pub(super) read: fn(&Context<'_>, &mut Object) -> Result<(), Diagnostic>,
}

impl Resource {
    /// A resource of which the provider gives nothing but the id.
    pub(super) const fn new<S: Shape>(type_name: &'static str) -> Self {
        Self {
            type_name,
            block: S::BLOCK,
            validate: |_| Vec::new(),
            derive: |_| (),
            create: |_, _| Ok(()),
            read: |_, _| Ok(()),
        }
    }
}

/// A kind of data source.
#[derive(Debug)]
pub(super) struct DataSource {
    pub(super) type_name: &'static str,
    pub(super) block: Block,
    /// Finds what the rules of the declaration cannot express.
    pub(super) validate: fn(&Object) -> Vec<Diagnostic>,
    /// Fills in what the provider gives; the id is a random one already unless the template gave
    /// it.
    pub(super) read: fn(&Context<'_>, &mut Object) -> Result<(), Vec<Diagnostic>>,
}

impl DataSource {
    /// A data source of which the provider gives nothing but the id.
    pub(super) const fn new<S: Shape>(type_name: &'static str) -> Self {
        Self {
            type_name,
            block: S::BLOCK,
            validate: |_| Vec::new(),
            read: |_, _| Ok(()),
        }
    }
}

//! From Terraform's description of a template to the resources of a workspace.
//!
//! Pure: the same input always gives the same resources, in the same order.

use std::collections::{BTreeMap, BTreeSet};

use super::agents::{self, Attachment};
use super::graph::{Direction, Graph};
use super::parameters;
use super::show::{Instance, Mode};
use crate::attributes;
use crate::protocol::{ExternalAuthProvider, MAX_RESOURCES, Preset, Resource, ResourceMetadata};
use crate::{Error, ErrorKind, Result};
use coder_core::parameter::RichParameter;

/// What a template makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Converted {
    /// Resources by address, with their agents.
    pub resources: Vec<Resource>,
    /// Parameters in order of appearance.
    pub rich_parameters: Vec<RichParameter>,
    /// Presets in order of appearance.
    pub presets: Vec<Preset>,
    /// External logins by id.
    pub external_auth_providers: Vec<ExternalAuthProvider>,
}

impl Converted {
    /// Sum of the resources' daily costs.
    #[must_use]
    pub fn daily_cost(&self) -> i32 {
        self.resources
            .iter()
            .fold(0, |sum, found| sum.saturating_add(found.daily_cost))
    }
}

/// Types that describe other resources and are none themselves.
const DESCRIPTIONS: &[&str] = &[
    attributes::Script::TYPE_NAME,
    attributes::Agent::TYPE_NAME,
    attributes::AgentInstance::TYPE_NAME,
    attributes::App::TYPE_NAME,
    attributes::Metadata::TYPE_NAME,
];

/// Puts together what `instances` and their `graph` say.
///
/// # Errors
/// [`ErrorKind::InvalidTemplate`] for bad or duplicate names, for two descriptions of one
/// resource, and for more than [`MAX_RESOURCES`] instances.
pub fn convert(instances: &[Instance], graph: &Graph) -> Result<Converted> {
    if instances.len() > MAX_RESOURCES {
        let text = format!("the template has more than {MAX_RESOURCES} resources");
        return Err(Error::new(ErrorKind::InvalidTemplate, text));
    }
    let managed = |instance: &&Instance| instance.mode == Mode::Managed;
    let mut resources: BTreeMap<&str, (&Instance, Resource)> = instances
        .iter()
        .filter(managed)
        .filter(|instance| !DESCRIPTIONS.contains(&instance.kind.as_str()))
        .map(|instance| {
            (
                instance.address.as_str(),
                (instance, bare_resource(instance)),
            )
        })
        .collect();
    for Attachment { label, mut agent } in agents::agents(instances, graph)? {
        // All instances of a block share the label; the agent runs on the first.
        let found = resources
            .values_mut()
            .find(|(instance, _)| instance.label() == label);
        if let Some((instance, resource)) = found {
            agents::fill_instance_id(&mut agent, instance);
            resource.agents.push(agent);
        }
    }
    describe(instances, graph, &mut resources)?;
    Ok(Converted {
        resources: resources
            .into_values()
            .map(|(_, resource)| resource)
            .collect(),
        rich_parameters: parameters::rich_parameters(instances)?,
        presets: parameters::presets(instances)?,
        external_auth_providers: parameters::external_auth_providers(instances)?,
    })
}

fn bare_resource(instance: &Instance) -> Resource {
    let size = match instance.kind.as_str() {
        "google_compute_instance" => "machine_type",
        "aws_instance" | "aws_spot_instance_request" => "instance_type",
        "azurerm_linux_virtual_machine" | "azurerm_windows_virtual_machine" => "size",
        _ => "",
    };
    Resource {
        name: instance.name.clone(),
        kind: instance.kind.clone(),
        instance_type: instance.text(size).to_owned(),
        module_path: instance.module.clone(),
        ..Resource::default()
    }
}

/// Applies each `coder_metadata` to the resource nearest to it.
fn describe(
    instances: &[Instance],
    graph: &Graph,
    resources: &mut BTreeMap<&str, (&Instance, Resource)>,
) -> Result<()> {
    let labels: BTreeSet<String> = resources
        .values()
        .map(|(instance, _)| instance.label())
        .collect();
    let mut described = BTreeSet::new();
    for metadata in instances
        .iter()
        .filter(|found| found.kind == attributes::Metadata::TYPE_NAME)
    {
        let values: attributes::Metadata = metadata.attributes()?;
        let is_resource = |label: &str| labels.contains(label);
        let nearest = graph.nearest(&metadata.label(), Direction::ToDependencies, is_resource);
        let Some(label) = nearest.first() else {
            continue;
        };
        let same_id = |instance: &Instance| {
            values
                .resource_id
                .as_deref()
                .is_some_and(|id| instance.text("id") == id)
        };
        let candidates = || {
            resources
                .values()
                .filter(|(found, _)| found.label() == *label)
        };
        // With several instances of one block, the id tells which is meant, once it is known.
        let target = candidates()
            .find(|(instance, _)| same_id(instance))
            .or_else(|| candidates().next())
            .map(|(instance, _)| instance.address.as_str());
        let Some((address, (_, resource))) = target.and_then(|target| {
            resources
                .iter_mut()
                .find(|(address, _)| **address == target)
        }) else {
            continue;
        };
        if !described.insert(*address) {
            let text = format!("{address} has more than one coder_metadata");
            return Err(Error::new(ErrorKind::InvalidTemplate, text));
        }
        resource.hide = values.hide.unwrap_or_default();
        resource.icon = values.icon.unwrap_or_default();
        resource.daily_cost = to_i32(values.daily_cost);
        resource.metadata = values
            .item
            .into_iter()
            .map(|item| ResourceMetadata {
                key: item.key.unwrap_or_default(),
                value: item.value,
                sensitive: item.sensitive.unwrap_or_default(),
            })
            .collect();
    }
    Ok(())
}

/// The nearest 32-bit number.
pub(super) fn to_i32(number: Option<i64>) -> i32 {
    let number = number.unwrap_or_default();
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

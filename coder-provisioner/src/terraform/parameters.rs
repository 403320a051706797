//! Parameters, presets and external logins of a template.

use std::collections::BTreeMap;

use coder_core::parameter::{ParameterOption, ParameterType, RichParameter};

use super::agents::of_kind;
use super::show::Instance;
use crate::attributes;
use crate::protocol::{ExternalAuthProvider, Preset, PresetParameter};
use crate::{Error, ErrorKind, Result};

/// Parameters in order of appearance.
pub(super) fn rich_parameters(instances: &[Instance]) -> Result<Vec<RichParameter>> {
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    let mut parameters = Vec::new();
    for instance in of_kind(instances, attributes::Parameter::TYPE_NAME) {
        let parameter = rich_parameter(instance)?;
        let (name, address) = (&parameter.name, &instance.address);
        if let Some(other) = names.insert(name.clone(), address) {
            let text = format!("two parameters are named {name:?}: {other} and {address}");
            return Err(invalid(text));
        }
        parameters.push(parameter);
    }
    Ok(parameters)
}

fn rich_parameter(instance: &Instance) -> Result<RichParameter> {
    let values: attributes::Parameter = instance.attributes()?;
    let unknown = |what: &str| invalid(format!("{}: unknown {what:?}", instance.address));
    let kind = match values.r#type {
        None => ParameterType::String,
        Some(kind) => kind.parse().map_err(|_| unknown(&kind))?,
    };
    let validation = values.validation.into_iter().next().unwrap_or_default();
    let monotonic = validation.monotonic.filter(|word| !word.is_empty());
    let required = match values.optional {
        Some(optional) => !optional,
        None => values.default.is_none(),
    };
    let enabled =
        |number: Option<i64>, disabled: Option<bool>| number.filter(|_| disabled != Some(true));
    Ok(RichParameter {
        name: values.name.unwrap_or_default(),
        display_name: values.display_name.unwrap_or_default(),
        description: values.description.unwrap_or_default(),
        kind,
        form_type: values.form_type.unwrap_or_default(),
        mutable: values.mutable.unwrap_or_default(),
        default_value: values.default.unwrap_or_default(),
        icon: values.icon.unwrap_or_default(),
        options: values
            .option
            .into_iter()
            .map(|option| ParameterOption {
                name: option.name.unwrap_or_default(),
                description: option.description.unwrap_or_default(),
                value: option.value.unwrap_or_default(),
                icon: option.icon.unwrap_or_default(),
            })
            .collect(),
        validation_regex: validation.regex.unwrap_or_default(),
        validation_error: validation.error.unwrap_or_default(),
        validation_min: enabled(validation.min, validation.min_disabled),
        validation_max: enabled(validation.max, validation.max_disabled),
        validation_monotonic: match monotonic {
            None => None,
            Some(word) => Some(word.parse().map_err(|_| unknown(&word))?),
        },
        required,
        ephemeral: values.ephemeral.unwrap_or_default(),
        order: values.order.unwrap_or_default(),
    })
}

/// Presets in order of appearance.
pub(super) fn presets(instances: &[Instance]) -> Result<Vec<Preset>> {
    let mut presets: Vec<Preset> = Vec::new();
    for instance in of_kind(instances, attributes::WorkspacePreset::TYPE_NAME) {
        let values: attributes::WorkspacePreset = instance.attributes()?;
        let preset = Preset {
            name: values.name.unwrap_or_default(),
            description: values.description.unwrap_or_default(),
            icon: values.icon.unwrap_or_default(),
            default: values.default.unwrap_or_default(),
            parameters: values
                .parameters
                .unwrap_or_default()
                .into_iter()
                .map(|(name, value)| PresetParameter { name, value })
                .collect(),
            prebuild_instances: values
                .prebuilds
                .into_iter()
                .find_map(|found| found.instances),
        };
        if presets.iter().any(|known| known.name == preset.name) {
            return Err(invalid(format!("two presets are named {:?}", preset.name)));
        }
        presets.push(preset);
    }
    if presets.iter().filter(|preset| preset.default).count() > 1 {
        return Err(invalid("more than one preset is the default".to_owned()));
    }
    Ok(presets)
}

/// External logins by id. One that is needed anywhere is needed.
pub(super) fn external_auth_providers(instances: &[Instance]) -> Result<Vec<ExternalAuthProvider>> {
    let mut providers: BTreeMap<String, bool> = BTreeMap::new();
    for instance in of_kind(instances, attributes::ExternalAuth::TYPE_NAME) {
        let values: attributes::ExternalAuth = instance.attributes()?;
        let optional = values.optional.unwrap_or_default();
        let known = providers
            .entry(values.id.unwrap_or_default())
            .or_insert(optional);
        *known = *known && optional;
    }
    Ok(providers
        .into_iter()
        .map(|(id, optional)| ExternalAuthProvider { id, optional })
        .collect())
}

/// Tags of all `coder_workspace_tags` together.
pub(super) fn workspace_tags(instances: &[Instance]) -> Result<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for instance in of_kind(instances, attributes::WorkspaceTags::TYPE_NAME) {
        let values: attributes::WorkspaceTags = instance.attributes()?;
        tags.extend(values.tags.unwrap_or_default());
    }
    Ok(tags)
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::InvalidTemplate, text)
}

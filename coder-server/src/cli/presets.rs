//! Presets of a template: named sets of parameter values.

use super::{
    client::Client,
    error::{CliError, CliResult},
    output::{ask, error_line, printable},
};
use coder_core::parameter::ParameterValue;
use serde::Deserialize;

/// The word that stands for "without a preset".
const NONE: &str = "none";

/// A preset.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Preset {
    #[serde(rename = "ID")]
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) default: bool,
    pub(crate) desired_prebuild_instances: Option<i32>,
    parameters: Vec<PresetParameter>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PresetParameter {
    name: String,
    value: String,
}

impl Preset {
    /// The values that it sets.
    pub(crate) fn values(&self) -> impl Iterator<Item = ParameterValue> {
        self.parameters.iter().map(|parameter| ParameterValue {
            name: parameter.name.clone(),
            value: parameter.value.clone(),
        })
    }

    /// Its values as people write them.
    pub(crate) fn summary(&self) -> String {
        let pairs = self.parameters.iter();
        let pairs = pairs.map(|one| format!("{}={}", one.name, one.value));
        pairs.collect::<Vec<_>>().join(",")
    }
}

/// The presets of a version.
pub(crate) async fn of_version(client: &Client, version: &str) -> CliResult<Vec<Preset>> {
    client
        .get(&format!("api/v2/templateversions/{version}/presets"))
        .await
}

/// The preset to use: the named one, else the template's default, else the one that is picked on the
/// terminal. `none` stands for no preset.
pub(crate) fn choose(
    mut presets: Vec<Preset>,
    name: Option<&str>,
    yes: bool,
) -> CliResult<Option<Preset>> {
    let position = match name {
        Some(NONE) => return Ok(None),
        Some(name) => Some(named(&presets, name)?),
        None => presets.iter().position(|preset| preset.default),
    };
    let position = match position {
        Some(position) => position,
        None if presets.is_empty() || yes => return Ok(None),
        None => match picked(&presets)? {
            Some(position) => position,
            None => return Ok(None),
        },
    };
    let preset = presets.swap_remove(position);
    error_line(&format!(
        "Using the preset {}: {}",
        printable(&preset.name),
        printable(&preset.summary())
    ));
    Ok(Some(preset))
}

/// What is typed on the terminal; an empty line is no preset.
fn picked(presets: &[Preset]) -> CliResult<Option<usize>> {
    let question = format!("preset ({}) [{NONE}]", names(presets));
    match ask(&question)?.as_deref().map(str::trim) {
        None | Some("" | NONE) => Ok(None),
        Some(name) => named(presets, name).map(Some),
    }
}

fn named(presets: &[Preset], name: &str) -> CliResult<usize> {
    let position = presets.iter().position(|preset| preset.name == name);
    position.ok_or_else(|| {
        let error = CliError::new(format!("the template has no preset {name:?}"));
        if presets.is_empty() {
            return error;
        }
        error.hint(format!("The presets are: {}, {NONE}", names(presets)))
    })
}

fn names(presets: &[Preset]) -> String {
    let names = presets.iter().map(|preset| printable(&preset.name));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn presets() -> Vec<Preset> {
        let preset = |name: &str, default: bool| {
            json!({
                "ID": name, "Name": name, "Description": "", "Default": default, "Icon": "",
                "DesiredPrebuildInstances": null,
                "Parameters": [{ "Name": "region", "Value": name }],
            })
        };
        let all = json!([preset("small", false), preset("large", true)]);
        serde_json::from_value(all).expect("presets")
    }

    #[test]
    fn a_name_counts_more_than_the_default_and_none_is_none() {
        let chosen = |name| choose(presets(), name, true).map(|found| found.map(|one| one.id));
        assert_eq!(chosen(None).expect("the default").as_deref(), Some("large"));
        assert_eq!(chosen(Some("small")).expect("it").as_deref(), Some("small"));
        assert_eq!(chosen(Some("none")).expect("nothing"), None);
        let error = chosen(Some("huge")).expect_err("no such preset");
        assert!(error.to_string().contains("huge"), "{error}");
        let mut without_default = presets();
        without_default.truncate(1);
        let found = choose(without_default, None, true).expect("nothing is asked");
        assert!(found.is_none());
    }
}

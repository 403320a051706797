//! Values for a build's parameters: from flags, a file, the last build, defaults, or the terminal.

use super::{
    client::Client,
    error::{CliError, CliResult},
    output::{ask, printable},
    presets::Preset,
    types::Parameter,
};
use coder_core::parameter::{ParameterValue, RichParameter};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The flags of every command that builds.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ParameterArgs {
    /// Value of a parameter, `name=value`.
    #[arg(long, env = "CODER_RICH_PARAMETER", value_name = "NAME=VALUE")]
    parameter: Vec<String>,
    /// File with values: a JSON object, or lines of the form `name: value`.
    #[arg(long, env = "CODER_RICH_PARAMETER_FILE", value_name = "FILE")]
    rich_parameter_file: Option<PathBuf>,
    /// Default to use instead of the template's, `name=value`.
    #[arg(long, env = "CODER_RICH_PARAMETER_DEFAULT", value_name = "NAME=VALUE")]
    parameter_default: Vec<String>,
    /// Take the defaults without asking.
    #[arg(long, env = "CODER_WORKSPACE_USE_PARAMETER_DEFAULTS")]
    use_parameter_defaults: bool,
    /// Value of an ephemeral parameter, `name=value`.
    #[arg(
        long,
        alias = "build-option",
        env = "CODER_EPHEMERAL_PARAMETER",
        value_name = "NAME=VALUE"
    )]
    ephemeral_parameter: Vec<String>,
    /// Ask for the ephemeral parameters too.
    #[arg(
        long,
        alias = "build-options",
        env = "CODER_PROMPT_EPHEMERAL_PARAMETERS"
    )]
    prompt_ephemeral_parameters: bool,
    /// Ask for every parameter, also those with a value from before.
    #[arg(long)]
    always_prompt: bool,
}

impl ParameterArgs {
    /// The values to send with the first build of a workspace.
    pub(crate) async fn for_create(
        &self,
        client: &Client,
        version: &str,
        preset: Option<&Preset>,
        yes: bool,
    ) -> CliResult<Vec<ParameterValue>> {
        let mut given = self.given()?;
        let definitions = definitions(client, version).await?;
        let of_preset = preset.into_iter().flat_map(Preset::values);
        // What a preset sets counts more, as the server has it. It may name what the template has no more.
        given.extend(
            of_preset
                .filter(|value| definitions.iter().any(|one| one.name == value.name))
                .map(|value| (value.name, value.value)),
        );
        let defaults = pairs(&self.parameter_default)?;
        let mut values = Vec::new();
        for parameter in definitions {
            let asked = given.contains_key(&parameter.name) || self.prompt_ephemeral_parameters;
            if parameter.ephemeral && !asked {
                continue;
            }
            let default = defaults.get(&parameter.name).cloned();
            let default =
                default.or_else(|| (!parameter.required).then(|| parameter.default_value.clone()));
            let value = match given.remove(&parameter.name) {
                Some(value) => value,
                None => self.choose(&parameter, default, yes)?,
            };
            values.push(ParameterValue {
                name: parameter.name,
                value,
            });
        }
        no_unknown(&given)?;
        Ok(values)
    }

    /// The values to send with a later build: only what is given, the server keeps the rest and takes those of
    /// the preset.
    pub(crate) async fn for_update(
        &self,
        client: &Client,
        version: &str,
        previous: &[ParameterValue],
        preset: Option<&Preset>,
        yes: bool,
    ) -> CliResult<Vec<ParameterValue>> {
        let mut given = self.given()?;
        let of_preset: Vec<_> = preset.into_iter().flat_map(Preset::values).collect();
        let mut values = Vec::new();
        for parameter in definitions(client, version).await? {
            let before = previous.iter().find(|value| value.name == parameter.name);
            let before = before.map(|value| value.value.clone());
            let value = match given.remove(&parameter.name) {
                Some(value) => Some(value),
                None if of_preset.iter().any(|value| value.name == parameter.name) => None,
                None if parameter.ephemeral && self.prompt_ephemeral_parameters => {
                    Some(self.choose(&parameter, Some(parameter.default_value.clone()), yes)?)
                }
                None if self.always_prompt && (parameter.mutable || before.is_none()) => {
                    Some(self.choose(
                        &parameter,
                        before.or(Some(parameter.default_value.clone())),
                        yes,
                    )?)
                }
                None if before.is_none() && parameter.required => {
                    Some(self.choose(&parameter, None, yes)?)
                }
                None => None,
            };
            values.extend(value.map(|value| ParameterValue {
                name: parameter.name.clone(),
                value,
            }));
        }
        no_unknown(&given)?;
        Ok(values)
    }

    /// Whether a value is given by a flag.
    pub(crate) fn any_given(&self) -> bool {
        !self.parameter.is_empty()
            || !self.ephemeral_parameter.is_empty()
            || self.rich_parameter_file.is_some()
            || self.prompt_ephemeral_parameters
            || self.always_prompt
    }

    fn given(&self) -> CliResult<BTreeMap<String, String>> {
        let mut given = match &self.rich_parameter_file {
            Some(path) => read_file(path)?,
            None => BTreeMap::new(),
        };
        given.extend(pairs(&self.parameter)?);
        given.extend(pairs(&self.ephemeral_parameter)?);
        Ok(given)
    }

    fn choose(
        &self,
        parameter: &RichParameter,
        default: Option<String>,
        yes: bool,
    ) -> CliResult<String> {
        if let Some(default) = &default
            && (self.use_parameter_defaults || yes)
        {
            return Ok(default.clone());
        }
        let title = if parameter.display_name.is_empty() {
            &parameter.name
        } else {
            &parameter.display_name
        };
        let mut question = printable(title);
        if !parameter.options.is_empty() {
            let options = parameter
                .options
                .iter()
                .map(|option| printable(&option.value));
            question = format!("{question} ({})", options.collect::<Vec<_>>().join(", "));
        }
        if let Some(default) = &default {
            question = format!("{question} [{}]", printable(default));
        }
        match (ask(&question)?, default) {
            (Some(answer), Some(default)) if answer.is_empty() => Ok(default),
            (Some(answer), _) => Ok(answer),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(CliError::new(format!(
                "the parameter {:?} needs a value",
                parameter.name
            ))
            .hint(format!(
                "Pass --parameter {:?}",
                format!("{}=<value>", parameter.name)
            ))),
        }
    }
}

async fn definitions(client: &Client, version: &str) -> CliResult<Vec<RichParameter>> {
    let path = format!("api/v2/templateversions/{version}/rich-parameters");
    let found: Vec<Parameter> = client.get(&path).await?;
    Ok(found
        .into_iter()
        .map(|parameter| parameter.definition)
        .collect())
}

fn no_unknown(left: &BTreeMap<String, String>) -> CliResult {
    match left.keys().next() {
        Some(name) => Err(CliError::new(format!(
            "the template has no parameter {name:?}"
        ))),
        None => Ok(()),
    }
}

/// Reads `name=value` pairs, also several in one text separated by commas outside of quotes.
pub(crate) fn pairs(texts: &[String]) -> CliResult<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for text in texts {
        let pair = text.trim_matches('"').split_once('=');
        let (name, value) =
            pair.ok_or_else(|| CliError::new(format!("{text:?} is not of the form name=value")))?;
        values.insert(name.trim().to_owned(), value.to_owned());
    }
    Ok(values)
}

/// Reads a file with values: a JSON object, or lines of the form `name: value`.
pub(crate) fn read_file(path: &Path) -> CliResult<BTreeMap<String, String>> {
    let failed = || CliError::new(format!("{} cannot be read", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed().caused_by(error))?;
    if text.trim_start().starts_with('{') {
        let values: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&text).map_err(|error| failed().caused_by(error))?;
        return Ok(values
            .into_iter()
            .map(|(name, value)| (name, as_text(value)))
            .collect());
    }
    let mut values = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || line == "---" {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| {
            failed().hint(format!(
                "Line {} is not of the form name: value.",
                index + 1
            ))
        })?;
        let value = value.trim();
        let unquoted = ['"', '\''].iter().find_map(|&quote| {
            value
                .strip_prefix(quote)
                .and_then(|value| value.strip_suffix(quote))
        });
        values.insert(
            name.trim().trim_matches('"').to_owned(),
            unquoted.unwrap_or(value).to_owned(),
        );
    }
    Ok(values)
}

fn as_text(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_json_or_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("values");
        let read = |text: &str| {
            std::fs::write(&path, text).expect("written");
            read_file(&path)
        };
        let expected: BTreeMap<_, _> = [("a", "x: y"), ("n", "3")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        assert_eq!(read("{\"a\": \"x: y\", \"n\": 3}").expect("json"), expected);
        assert_eq!(
            read("---\n# comment\na: \"x: y\"\nn: 3\n").expect("lines"),
            expected
        );
        read("a\n").expect_err("no colon");
    }
}

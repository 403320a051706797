//! What a template declares, read from its files without running Terraform.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hcl::eval::{Context, Evaluate as _};
use hcl::{Block, Body, Expression};
use serde_json::Value;

use crate::protocol::{MAX_README_BYTES, ParseComplete, TemplateVariable};
use crate::{Error, ErrorKind, Result};

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// A template's declarations, and the versions of our provider that it asks for.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    pub(super) parsed: ParseComplete,
    pub(super) provider_constraints: Vec<String>,
}

/// Reads the files in the root of a template, by name. Blocks.
///
/// # Errors
/// [`ErrorKind::InvalidTemplate`] with the file and the place when one cannot be read.
pub(super) fn read(directory: &Path) -> Result<Declarations> {
    let mut declarations = Declarations::default();
    for path in sources(directory)? {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy())
            .unwrap_or_default();
        let text = read_text(&path, MAX_FILE_BYTES)?;
        if name.ends_with(".json") {
            let value: Value =
                serde_json::from_str(&text).map_err(|error| invalid(&name, &error))?;
            declarations.add_json(&value);
        } else {
            let body: Body = hcl::parse(&text).map_err(|error| invalid(&name, &error))?;
            declarations.add_hcl(&body);
        }
    }
    let readme = directory.join("README.md");
    if readme.is_file() {
        declarations.parsed.readme = read_text(&readme, MAX_README_BYTES as u64)?;
    }
    let written = std::mem::take(&mut declarations.parsed.workspace_tags);
    declarations.parsed.workspace_tags = written.kept();
    Ok(declarations)
}

impl Declarations {
    fn add_hcl(&mut self, body: &Body) {
        for block in body.blocks() {
            let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
            match (block.identifier.as_str(), labels.as_slice()) {
                ("variable", [name]) => self.add_variable(hcl_variable(name, block)),
                ("data", ["coder_workspace_tags", _]) => self.add_tags(block),
                ("data", ["coder_parameter", label]) => {
                    let name = attribute(block, "name").and_then(constant_value);
                    if let Some(Value::String(name)) = name {
                        self.add_parameter(label, name);
                    }
                }
                ("locals", []) => {
                    let locals = &mut self.parsed.workspace_tags.locals;
                    for local in block.body.attributes() {
                        locals.insert(local.key().to_owned(), expression_text(&local.expr));
                    }
                }
                ("terraform", []) => {
                    let constraints = hcl_constraints(block);
                    self.provider_constraints.extend(constraints);
                }
                _ => {}
            }
        }
    }

    fn add_tags(&mut self, block: &Block) {
        let written = &mut self.parsed.workspace_tags;
        let tags = match attribute(block, "tags") {
            None => return,
            Some(Expression::Object(tags)) => tags,
            Some(several) => {
                written.maps.push(expression_text(several));
                return;
            }
        };
        for (key, value) in tags {
            let key = match key {
                hcl::ObjectKey::Expression(Expression::String(text)) => text.clone(),
                key => key.to_string(),
            };
            written.tags.insert(key, expression_text(value));
        }
    }

    fn add_json(&mut self, value: &Value) {
        for (name, variable) in named_blocks(value, "variable") {
            self.add_variable(json_variable(name, variable));
        }
        for (kind, found) in named_blocks(value, "data") {
            let blocks = each_object(found).flatten();
            match kind {
                "coder_workspace_tags" => blocks.for_each(|(_, block)| self.add_json_tags(block)),
                "coder_parameter" => blocks.for_each(|(label, block)| {
                    if let Some(name) = block.get("name").and_then(Value::as_str) {
                        self.add_parameter(label, name.to_owned());
                    }
                }),
                _ => {}
            }
        }
        for (name, local) in named_blocks(value, "locals") {
            let locals = &mut self.parsed.workspace_tags.locals;
            locals.insert(name.to_owned(), json_expression(local));
        }
        for (kind, found) in named_blocks(value, "terraform") {
            if kind == "required_providers" {
                let constraints = each_object(found)
                    .filter_map(|providers| providers.get("coder")?.get("version")?.as_str());
                self.provider_constraints
                    .extend(constraints.map(str::to_owned));
            }
        }
    }

    fn add_json_tags(&mut self, block: &Value) {
        let written = &mut self.parsed.workspace_tags;
        match block.get("tags") {
            Some(Value::Object(tags)) => {
                let tags = tags.iter();
                let tags = tags.map(|(key, value)| (key.clone(), json_expression(value)));
                written.tags.extend(tags);
            }
            Some(several) => written.maps.push(json_expression(several)),
            None => {}
        }
    }

    fn add_parameter(&mut self, label: &str, name: String) {
        let parameters = &mut self.parsed.workspace_tags.parameters;
        parameters.insert(label.to_owned(), name);
    }

    /// Adds a variable. An override file comes later by name and replaces.
    fn add_variable(&mut self, variable: TemplateVariable) {
        let variables = &mut self.parsed.template_variables;
        match variables
            .iter_mut()
            .find(|known| known.name == variable.name)
        {
            Some(known) => *known = variable,
            None => variables.push(variable),
        }
    }
}

/// The `.tf` and `.tf.json` files of a folder, by name.
fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::internal("list the template's files", error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_source = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| {
                !name.starts_with('.') && (name.ends_with(".tf") || name.ends_with(".tf.json"))
            });
        if is_source && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The beginning of a file, as text.
fn read_text(path: &Path, limit: u64) -> Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| Error::internal(format!("read {}", path.display()), error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn invalid(name: &str, error: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::InvalidTemplate,
        format!("{name} cannot be read: {error}"),
    )
}

fn attribute<'a>(block: &'a Block, name: &str) -> Option<&'a Expression> {
    block
        .body
        .attributes()
        .find(|found| found.key() == name)
        .map(|found| &found.expr)
}

fn hcl_variable(name: &str, block: &Block) -> TemplateVariable {
    let constant = |name: &str| attribute(block, name).and_then(constant_value);
    let text = |name: &str| match constant(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let default = attribute(block, "default");
    TemplateVariable {
        name: name.to_owned(),
        description: text("description"),
        kind: attribute(block, "type").map(type_text).unwrap_or_default(),
        default_value: default
            .and_then(constant_value)
            .map(value_text)
            .unwrap_or_default(),
        required: default.is_none(),
        sensitive: constant("sensitive") == Some(Value::Bool(true)),
    }
}

/// The version constraints on the provider named `coder` in a `terraform` block.
fn hcl_constraints(block: &Block) -> Vec<String> {
    let required = block
        .body
        .blocks()
        .filter(|inner| inner.identifier() == "required_providers");
    required
        .filter_map(|inner| attribute(inner, "coder").and_then(constant_value))
        .filter_map(|provider| Some(provider.get("version")?.as_str()?.to_owned()))
        .collect()
}

/// The value of an expression without references.
fn constant_value(expression: &Expression) -> Option<Value> {
    let value = expression.evaluate(&Context::new()).ok()?;
    serde_json::to_value(value).ok()
}

fn type_text(expression: &Expression) -> String {
    match expression {
        // The old spelling, `type = "string"`.
        Expression::String(text) => text.clone(),
        expression => expression_text(expression),
    }
}

fn expression_text(expression: &Expression) -> String {
    hcl::format::to_string(expression).unwrap_or_default()
}

/// A value of a JSON template as an expression: in JSON, every text may hold `${…}`. A text that is a
/// single `${…}` stands for the value of what is in it.
fn json_expression(value: &Value) -> String {
    let Value::String(text) = value else {
        return value.to_string();
    };
    let inner = text
        .strip_prefix("${")
        .and_then(|text| text.strip_suffix('}'));
    match inner {
        Some(inner) if !inner.contains(['{', '}', '"']) => inner.to_owned(),
        _ => value.to_string(),
    }
}

fn value_text(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        value => value.to_string(),
    }
}

fn json_variable(name: &str, variable: &Value) -> TemplateVariable {
    let text = |name: &str| {
        variable
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let default = variable.get("default");
    TemplateVariable {
        name: name.to_owned(),
        description: text("description"),
        kind: text("type"),
        default_value: default.cloned().map(value_text).unwrap_or_default(),
        required: default.is_none(),
        sensitive: variable.get("sensitive") == Some(&Value::Bool(true)),
    }
}

/// In JSON, blocks of one kind are an object by name, or a list of such objects.
fn named_blocks<'a>(
    value: &'a Value,
    kind: &str,
) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
    value
        .get(kind)
        .into_iter()
        .flat_map(each_object)
        .flatten()
        .map(|(name, block)| (name.as_str(), block))
}

fn each_object(value: &Value) -> impl Iterator<Item = &serde_json::Map<String, Value>> {
    let single = value.as_object();
    let list = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object);
    single.into_iter().chain(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declarations(files: &[(&str, &str)]) -> Result<Declarations> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        read(folder.path())
    }

    #[test]
    fn variables_come_in_order_of_files_and_lines() {
        let found = declarations(&[
            (
                "b.tf",
                r#"
                variable "region" {
                  type        = string
                  default     = "eu"
                  description = <<-EOT
                    Where it runs
                  EOT
                }
                variable "password" {
                  type      = string
                  sensitive = true
                }
                variable "zones" {
                  type    = list(string)
                  default = ["a", "b"]
                }
                variable "nothing" { default = null }
                variable "size" { default = 3 }
                "#,
            ),
            (
                "a.tf.json",
                r#"{"variable": {"first": {"type": "number", "default": 7}}}"#,
            ),
            (".hidden.tf", "not HCL {"),
            ("README.md", "# Hello"),
        ])
        .unwrap();
        let variables: Vec<_> = found
            .parsed
            .template_variables
            .iter()
            .map(|variable| {
                let TemplateVariable {
                    name,
                    kind,
                    default_value,
                    required,
                    sensitive,
                    ..
                } = variable;
                (
                    name.as_str(),
                    kind.as_str(),
                    default_value.as_str(),
                    *required,
                    *sensitive,
                )
            })
            .collect();
        assert_eq!(
            variables,
            [
                ("first", "number", "7", false, false),
                ("region", "string", "eu", false, false),
                ("password", "string", "", true, true),
                ("zones", "list(string)", r#"["a","b"]"#, false, false),
                ("nothing", "", "", false, false),
                ("size", "", "3", false, false),
            ]
        );
        assert_eq!(
            found.parsed.template_variables[1].description.trim(),
            "Where it runs"
        );
        assert_eq!(found.parsed.readme, "# Hello");
    }

    #[test]
    fn tags_and_constraints_are_kept_raw() {
        let found = declarations(&[(
            "main.tf",
            r#"
            terraform {
              required_providers {
                coder = {
                  source  = "coder/coder"
                  version = "= 2.4.2"
                }
              }
            }
            data "coder_workspace_tags" "tags" {
              tags = {
                "zone"    = var.zone
                "cluster" = "c-${local.number}"
              }
            }
            "#,
        )])
        .unwrap();
        assert_eq!(found.provider_constraints, ["= 2.4.2"]);
        let written = found.parsed.workspace_tags;
        assert_eq!(written.tags["zone"], "var.zone");
        assert_eq!(written.tags["cluster"], r#""c-${local.number}""#);
        assert!(written.maps.is_empty() && written.locals.is_empty());
    }

    #[test]
    fn tags_come_with_what_they_may_need() {
        let hcl = r#"
            locals {
              number = var.count + 1
              tags   = { zone = local.number }
            }
            data "coder_parameter" "place" {
              name = "Region of the world"
            }
            data "coder_workspace_tags" "all" {
              tags = local.tags
            }
        "#;
        let json = r#"{
            "locals": { "where": "${var.zone}", "text": "a-${var.zone}" },
            "data": {
              "coder_parameter": { "size": { "name": "Size" } },
              "coder_workspace_tags": { "more": { "tags": { "fast": true, "zone": "${local.where}" } } }
            }
        }"#;
        let found = declarations(&[("a.tf", hcl), ("b.tf.json", json)]).unwrap();
        let written = found.parsed.workspace_tags;
        assert_eq!(written.maps, ["local.tags"]);
        assert_eq!(written.tags["fast"], "true");
        assert_eq!(written.tags["zone"], "local.where");
        assert_eq!(written.locals["number"], "var.count + 1");
        assert_eq!(written.locals["where"], "var.zone");
        assert_eq!(written.locals["text"], r#""a-${var.zone}""#);
        assert_eq!(written.parameters["place"], "Region of the world");
        assert_eq!(written.parameters["size"], "Size");
        let without = declarations(&[("a.tf", "locals {\n  a = 1\n}\n")]).unwrap();
        assert!(without.parsed.workspace_tags.locals.is_empty());
    }

    #[test]
    fn a_syntax_error_names_the_file() {
        let error =
            declarations(&[("main.tf", "resource \"a\" \"b\" {\n  x = \n}\n")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidTemplate);
        assert!(error.to_string().contains("main.tf"), "{error}");
    }

    #[test]
    fn hostile_nesting_is_an_error_and_not_a_crash() {
        for text in [
            "[".repeat(1 << 20),
            "(".repeat(1 << 20),
            "!".repeat(1 << 20),
            "\"${".repeat(1 << 18),
            "1+".repeat(1 << 18),
            "a?b:".repeat(1 << 18),
        ] {
            // An error or a result are both fine; not coming back is not.
            let _ = declarations(&[("main.tf", &format!("locals {{\n  x = {text}\n}}\n"))]);
        }
        let blocks = "a {\n".repeat(1 << 18);
        let _ = declarations(&[("main.tf", &blocks)]);
    }

    #[test]
    fn a_template_of_folders_only_declares_nothing() {
        assert!(
            declarations(&[])
                .unwrap()
                .parsed
                .template_variables
                .is_empty()
        );
    }
}

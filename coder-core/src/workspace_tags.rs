//! `coder_workspace_tags`: which provisioner daemons build a workspace, as its template says.
//!
//! The expressions are kept as they are written and evaluated when a build is made, from the version's
//! variables, the build's parameters and those locals that need nothing else.

use crate::{
    Error, log_line, parameter::ParameterValue, provisioner_job::Tags,
    template_version::TemplateVersionVariable,
};
use hcl::{
    Expression, Identifier, Map, Value,
    eval::{Context, Evaluate as _},
};
use std::collections::BTreeMap;

/// Most tags of one template, and most locals that are looked at for them.
pub const MAX_ENTRIES: usize = 256;
/// Longest expression, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 1024;
/// Longest tag and longest value, in bytes.
const MAX_TAG_BYTES: usize = 256;
/// Longest value of a local, in bytes of its text: locals of locals could grow without end.
const MAX_LOCAL_BYTES: usize = 16 * 1024;

/// What a template writes about the tags of its builds.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct WorkspaceTagExpressions {
    /// Tag to expression.
    pub tags: BTreeMap<String, String>,
    /// Expressions that give several tags at once, such as `local.tags`.
    pub maps: Vec<String>,
    /// Local to expression; empty when there are no tags.
    pub locals: BTreeMap<String, String>,
    /// Parameters: the label in the template to the name; empty when there are no tags.
    pub parameters: BTreeMap<String, String>,
}

impl WorkspaceTagExpressions {
    /// Whether the template writes no tags.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.maps.is_empty()
    }

    /// What is worth keeping: nothing without tags, and no locals that are too many or too long.
    #[must_use]
    pub fn kept(mut self) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        self.locals.retain(|name, text| !long(name) && !long(text));
        self.parameters
            .retain(|label, name| !long(label) && !long(name));
        for map in [&mut self.locals, &mut self.parameters] {
            while map.len() > MAX_ENTRIES {
                map.pop_last();
            }
        }
        self
    }

    /// The same, as long as the tags themselves are neither too many nor too long.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput).
    pub fn checked(self) -> Result<Self, Error> {
        let parts = self.tags.iter().flat_map(|(key, value)| [key, value]);
        if self.tags.len() + self.maps.len() > MAX_ENTRIES
            || parts.chain(&self.maps).any(|text| long(text))
        {
            return Err(Error::invalid(
                "the template has too many or too long workspace tags",
            ));
        }
        Ok(self.kept())
    }

    /// The tags of a build with these values.
    ///
    /// Sensitive variables are left out, since everybody sees the tags of a job.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming the tag that cannot be evaluated, or that is
    /// no short text.
    pub fn evaluate(
        &self,
        variables: &[TemplateVersionVariable],
        parameters: &[ParameterValue],
    ) -> Result<Tags, Error> {
        let mut tags = Tags::new();
        if self.is_empty() {
            return Ok(tags);
        }
        let context = self.context(variables, parameters);
        for text in &self.maps {
            let Some(Value::Object(map)) = value_of(text, &context) else {
                return Err(refused("tags", text));
            };
            for (tag, value) in &map {
                add(&mut tags, tag, as_text(value), text)?;
            }
        }
        for (tag, text) in &self.tags {
            let value = value_of(text, &context);
            add(&mut tags, tag, value.as_ref().and_then(as_text), text)?;
        }
        Ok(tags)
    }

    fn context(
        &self,
        variables: &[TemplateVersionVariable],
        parameters: &[ParameterValue],
    ) -> Context<'static> {
        let shown = variables.iter().filter(|variable| !variable.sensitive);
        let variables: Map<String, Value> = shown
            .map(|variable| (variable.name.clone(), variable_value(variable)))
            .collect();
        let parameters: Map<String, Value> = self
            .parameters
            .iter()
            .filter_map(|(label, name)| {
                let found = parameters.iter().find(|one| one.name == *name)?;
                let value = Value::from(found.value.clone());
                let fields = [("name", Value::from(name.clone())), ("value", value)];
                Some((label.clone(), fields.into_iter().collect::<Value>()))
            })
            .collect();
        let data = [("coder_parameter", Value::Object(parameters))];
        let mut context = Context::new();
        context.declare_var(word("var"), Value::Object(variables));
        context.declare_var(word("data"), data.into_iter().collect::<Value>());
        self.add_locals(&mut context);
        context
    }

    /// Adds the locals that can be evaluated, in as many rounds as they are built on each other.
    fn add_locals(&self, context: &mut Context<'static>) {
        let mut known: Map<String, Value> = Map::new();
        let mut waiting: Vec<(&String, &String)> = self.locals.iter().collect();
        loop {
            context.declare_var(word("local"), Value::Object(known.clone()));
            let before = waiting.len();
            waiting.retain(|(name, text)| match value_of(text, context) {
                Some(value) if value.to_string().len() <= MAX_LOCAL_BYTES => {
                    known.insert((*name).clone(), value);
                    false
                }
                _ => true,
            });
            if waiting.len() == before {
                return;
            }
        }
    }
}

/// The value of an expression, if it has one here.
fn value_of(text: &str, context: &Context<'_>) -> Option<Value> {
    // Loops within loops take for ever.
    if text.len() > MAX_EXPRESSION_BYTES || text.contains("%{") || has_word(text, "for") {
        return None;
    }
    let expression: Expression = text.parse().ok()?;
    expression.evaluate(context).ok()
}

fn long(text: &str) -> bool {
    text.len() > MAX_EXPRESSION_BYTES
}

fn has_word(text: &str, word: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    words.any(|found| found == word)
}

fn variable_value(variable: &TemplateVersionVariable) -> Value {
    let text = variable.value.expose();
    let parsed = match variable.kind.as_str() {
        "" | "string" | "any" => None,
        _ => value_of(text, &Context::new()),
    };
    parsed.unwrap_or_else(|| Value::from(text.to_owned()))
}

/// The text of a value, as Terraform converts it.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn add(tags: &mut Tags, tag: &str, value: Option<String>, text: &str) -> Result<(), Error> {
    let short = |text: &str| text.len() <= MAX_TAG_BYTES && !text.chars().any(char::is_control);
    let value = value.filter(|value| short(value) && short(tag) && tags.len() < MAX_ENTRIES);
    let value = value.ok_or_else(|| refused(tag, text))?;
    tags.insert(tag.to_owned(), value);
    Ok(())
}

/// Names the expression, which its author wrote, and no value.
fn refused(tag: &str, text: &str) -> Error {
    let (tag, text) = (log_line::cut(tag, 64), log_line::cut(text, 256));
    Error::invalid(format!(
        "The workspace tag {tag:?} of the template cannot be evaluated to a short text: {text}. \
         Variables that are not sensitive, parameters and plain locals can be used."
    ))
}

fn word(text: &str) -> Identifier {
    Identifier::sanitized(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn expressions(tags: &[(&str, &str)], locals: &[(&str, &str)]) -> WorkspaceTagExpressions {
        let owned = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|&(key, value)| (key.to_owned(), value.to_owned()))
                .collect()
        };
        WorkspaceTagExpressions {
            tags: owned(tags),
            maps: Vec::new(),
            locals: owned(locals),
            parameters: owned(&[("place", "Region of the world")]),
        }
    }

    fn variable(name: &str, kind: &str, value: &str) -> TemplateVersionVariable {
        TemplateVersionVariable {
            name: name.to_owned(),
            description: String::new(),
            kind: kind.to_owned(),
            value: Secret::new(value),
            default_value: String::new(),
            required: true,
            sensitive: name == "password",
        }
    }

    fn evaluate(found: &WorkspaceTagExpressions) -> Result<Tags, Error> {
        let variables = [
            variable("zone", "string", "a"),
            variable("count", "number", "3"),
            variable("sizes", "map(string)", "{ big = \"xl\" }"),
            variable("password", "string", "hunter2"),
        ];
        let parameters = [ParameterValue {
            name: "Region of the world".to_owned(),
            value: "eu".to_owned(),
        }];
        found.evaluate(&variables, &parameters)
    }

    fn one(text: &str) -> Result<String, Error> {
        let locals = [
            ("name", "\"c-${local.number}\""),
            ("number", "var.count + 1"),
            ("tags", "{ a = var.zone, b = \"x\" }"),
            ("machine", "docker_container.main.id"),
        ];
        let tags = evaluate(&expressions(&[("tag", text)], &locals))?;
        Ok(tags["tag"].clone())
    }

    #[test]
    fn variables_parameters_and_locals_have_values() {
        for (text, expected) in [
            ("\"plain\"", "plain"),
            ("var.zone", "a"),
            ("var.count", "3"),
            ("var.sizes.big", "xl"),
            ("true", "true"),
            ("data.coder_parameter.place.value", "eu"),
            (
                "\"${data.coder_parameter.place.value}-${var.zone}\"",
                "eu-a",
            ),
            ("local.name", "c-4"),
            ("local.tags[\"b\"]", "x"),
            (
                "data.coder_parameter.place.value == \"eu\" ? \"near\" : \"far\"",
                "near",
            ),
        ] {
            assert_eq!(one(text).expect(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_evaluated_is_named() {
        for text in [
            "var.missing",
            "var.password",
            "local.machine",
            "upper(var.zone)",
            "null",
            "[1]",
            "local.tags",
            "[for x in [1] : x][0]",
            "\"%{ if true }a%{ endif }\"",
            "not HCL {",
            "\"\\n\"",
        ] {
            let error = one(text).expect_err(text);
            assert!(error.message().contains("\"tag\""), "{error}");
            assert!(!error.message().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn an_expression_may_give_all_tags() {
        let mut found = expressions(&[], &[("tags", "{ zone = var.zone, fast = true }")]);
        found.maps = vec!["local.tags".to_owned()];
        let tags = evaluate(&found).expect("tags");
        let pairs: Vec<_> = tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(pairs, ["fast=true", "zone=a"]);
        found.maps = vec!["var.zone".to_owned()];
        assert!(evaluate(&found).is_err());
    }

    #[test]
    fn locals_that_grow_are_left_out() {
        let mut found = expressions(&[("tag", "local.l199")], &[("l000", "\"0123456789\"")]);
        for number in 1..200 {
            let text = format!("\"${{local.l{0:03}}}${{local.l{0:03}}}\"", number - 1);
            found.locals.insert(format!("l{number:03}"), text);
        }
        assert!(evaluate(&found).is_err());
    }

    #[test]
    fn there_are_not_too_many() {
        let mut found = expressions(&[("a", "b")], &[]);
        for number in 0..=MAX_ENTRIES {
            found.locals.insert(format!("l{number}"), "1".to_owned());
        }
        found.locals.insert("long".to_owned(), "1".repeat(2_000));
        assert_eq!(found.clone().checked().expect("fine").locals.len(), 256);
        found.tags.insert("c".to_owned(), "1".repeat(2_000));
        assert!(found.clone().checked().is_err());
        found.tags.clear();
        let nothing = found.checked().expect("fine");
        assert_eq!(nothing, WorkspaceTagExpressions::default());
    }
}

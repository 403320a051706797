//! The values of a template's variables, as a file for `terraform -var-file`.
//!
//! A file rather than `-var` arguments: arguments can be read by everybody on the machine, and
//! some values are secrets.

use coder_core::template_version::VariableValue;
use hcl::eval::{Context, Evaluate as _};
use serde_json::{Map, Value};

use crate::protocol::TemplateVariable;

/// The JSON of a variables file. A value is text, unless the variable's type is a collection:
/// then it is read as an expression, as Terraform does with `-var`.
pub(super) fn file(variables: &[TemplateVariable], values: &[VariableValue]) -> Value {
    let of_type = |name: &str| {
        variables
            .iter()
            .find(|variable| variable.name == name)
            .map_or("", |found| &found.kind)
    };
    let pairs: Map<String, Value> = values
        .iter()
        .map(|value| {
            (
                value.name.clone(),
                convert(of_type(&value.name), value.value.expose()),
            )
        })
        .collect();
    pairs.into()
}

fn convert(kind: &str, text: &str) -> Value {
    let is_text = || Value::String(text.to_owned());
    if matches!(kind, "" | "string" | "number" | "bool" | "any") {
        return is_text();
    }
    let expression = text.parse::<hcl::Expression>().ok();
    let value = expression.and_then(|expression| expression.evaluate(&Context::new()).ok());
    value
        .and_then(|value| serde_json::to_value(value).ok())
        .unwrap_or_else(is_text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coder_core::secret::Secret;
    use serde_json::json;

    #[test]
    fn values_follow_the_types_of_their_variables() {
        let variable = |name: &str, kind: &str| TemplateVariable {
            name: name.into(),
            description: String::new(),
            kind: kind.into(),
            default_value: String::new(),
            required: true,
            sensitive: false,
        };
        let variables = [
            variable("text", "string"),
            variable("count", "number"),
            variable("zones", "list(string)"),
            variable("tags", "map(string)"),
            variable("broken", "list(string)"),
        ];
        let value = |name: &str, value: &str| VariableValue {
            name: name.into(),
            value: Secret::new(value),
        };
        let values = [
            value("text", "${not} \"evaluated\""),
            value("count", "3"),
            value("zones", r#"["a", "b"]"#),
            value("tags", r#"{ team = "x" }"#),
            value("broken", "["),
            value("untyped", "[1]"),
        ];
        assert_eq!(
            file(&variables, &values),
            json!({
                "text": "${not} \"evaluated\"",
                "count": "3",
                "zones": ["a", "b"],
                "tags": { "team": "x" },
                "broken": "[",
                "untyped": "[1]",
            })
        );
    }
}

//! Files with values of a template's variables, as people keep them beside a template.

use std::collections::BTreeMap;

use hcl::eval::{Context, Evaluate as _};
use hcl::structure::{Body, Structure};
use serde_json::Value;

use crate::{Error, ErrorKind, Result};

/// Reads the text of a file such as `terraform.tfvars`, or of one of JSON such as `terraform.tfvars.json`.
///
/// Answers the value of each variable as it is given with `-var`: texts as they are, numbers and booleans as text,
/// lists, maps and objects as an expression. A null is left out, so that the variable's default counts.
///
/// # Errors
/// [`ErrorKind::InvalidTemplate`] when the text is not such a file, or a value is not a constant.
pub fn read_tfvars(text: &str, is_json: bool) -> Result<BTreeMap<String, String>> {
    let values = if is_json {
        serde_json::from_str(text).map_err(|error| invalid("not a JSON object", error))?
    } else {
        from_hcl(text)?
    };
    let values = values.into_iter();
    Ok(values
        .filter_map(|(name, value)| Some((name, argument(value)?)))
        .collect())
}

fn from_hcl(text: &str) -> Result<BTreeMap<String, Value>> {
    let body: Body = hcl::parse(text).map_err(|error| invalid("not a file of values", error))?;
    let mut values = BTreeMap::new();
    for structure in body {
        let attribute = match structure {
            Structure::Attribute(attribute) => attribute,
            Structure::Block(block) => {
                let text = format!("{} is a block, and not a value", block.identifier());
                return Err(Error::new(ErrorKind::InvalidTemplate, text));
            }
        };
        let name = attribute.key().to_owned();
        let value = attribute
            .expr()
            .evaluate(&Context::new())
            .map_err(|error| invalid(&format!("the value of {name} is not a constant"), error))?;
        let value = serde_json::to_value(value)
            .map_err(|error| invalid(&format!("the value of {name} cannot be used"), error))?;
        values.insert(name, value);
    }
    Ok(values)
}

/// A value as an argument; `None` for null.
fn argument(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        // JSON is an expression, too, but for the marks that begin a template in a text.
        collection @ (Value::Array(_) | Value::Object(_)) => Some(literal(collection).to_string()),
        other => Some(other.to_string()),
    }
}

fn literal(value: Value) -> Value {
    let escape = |text: String| text.replace("${", "$${").replace("%{", "%%{");
    match value {
        Value::String(text) => escape(text).into(),
        Value::Array(items) => items.into_iter().map(literal).collect(),
        Value::Object(items) => items
            .into_iter()
            .map(|(key, value)| (escape(key), literal(value)))
            .collect(),
        other => other,
    }
}

fn invalid(text: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::InvalidTemplate, text).with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::TemplateVariable;
    use crate::terraform::variables;
    use coder_core::secret::Secret;
    use coder_core::template_version::VariableValue;
    use serde_json::json;

    const HCL: &str = r#"
# A comment.
region = "eu"
size   = -3
fast   = true
none   = null
zones  = ["a", "b $${x}"]
tags   = {
  team = "x"
  "a:b" = 1.5
}
text = <<-EOT
  two
  lines
EOT
"#;

    #[test]
    fn values_of_every_type_are_read() {
        let read = read_tfvars(HCL, false).unwrap();
        let expected = [
            ("fast", "true"),
            ("region", "eu"),
            ("size", "-3"),
            ("tags", r#"{"a:b":1.5,"team":"x"}"#),
            ("text", "two\nlines\n"),
            ("zones", r#"["a","b $${x}"]"#),
        ];
        let mut found: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let tags: Value = serde_json::from_str(&read["tags"]).unwrap();
        assert_eq!(tags, json!({ "team": "x", "a:b": 1.5 }));
        for pair in &mut found {
            if pair.0 == "tags" {
                pair.1 = r#"{"a:b":1.5,"team":"x"}"#;
            }
        }
        assert_eq!(found, expected);

        let json = r#"{ "region": "${literal}", "zones": ["%{if}", 1], "none": null }"#;
        let read = read_tfvars(json, true).unwrap();
        assert_eq!(read["region"], "${literal}");
        assert_eq!(read["zones"], r#"["%%{if}",1]"#);
        assert!(!read.contains_key("none"));
    }

    #[test]
    fn what_is_read_reaches_terraform_as_it_was_written() {
        let json = r#"{ "zones": ["${a}", "%{b}", "plain \"quoted\""] }"#;
        let read = read_tfvars(json, true).unwrap();
        let variable = TemplateVariable {
            name: "zones".into(),
            description: String::new(),
            kind: "list(string)".into(),
            default_value: String::new(),
            required: true,
            sensitive: false,
        };
        let value = VariableValue {
            name: "zones".into(),
            value: Secret::new(read["zones"].clone()),
        };
        assert_eq!(
            variables::file(&[variable], &[value]),
            json!({ "zones": ["${a}", "%{b}", "plain \"quoted\""] })
        );
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for (text, reason) in [
            ("a = ", "not a file of values"),
            ("a = var.b", "the value of a is not a constant"),
            (
                "a = file(\"/etc/passwd\")",
                "the value of a is not a constant",
            ),
            ("a {\n}\n", "a is a block, and not a value"),
            ("a = 1\na = 2\n", "not a file of values"),
        ] {
            let error = read_tfvars(text, false).unwrap_err();
            assert_eq!(error.to_string(), reason, "{text}");
        }
        read_tfvars("[]", true).unwrap_err();
    }
}

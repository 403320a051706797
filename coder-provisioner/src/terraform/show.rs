//! What Terraform says that exists, or would exist.
//!
//! Read from `terraform show -json` of a plan or a state, or straight from a state file, which
//! spares a run of Terraform after each build.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, ErrorKind, Result};

/// Version of the state files that [`from_state_file`] reads: that of every Terraform since 0.12.
const STATE_VERSION: u64 = 4;

/// Whether Terraform manages a thing or only reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A resource.
    Managed,
    /// A data source.
    Data,
}

/// An instance of a resource or data source.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Address, such as `module.vm.docker_container.main[0]`.
    pub address: String,
    /// Address of its module, empty for the root.
    pub module: String,
    /// Whether it is managed.
    pub mode: Mode,
    /// Terraform type.
    pub kind: String,
    /// Name in the template.
    pub name: String,
    /// Attributes. What is not known yet is absent.
    pub values: Value,
}

impl Instance {
    /// The address without indexes: what all instances of one block have in common, and the label
    /// of their node in the graph.
    #[must_use]
    pub fn label(&self) -> String {
        label_of(&self.address)
    }

    /// An attribute that is a text; empty when it is absent.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.values
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The attributes in the form that the provider declares.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTemplate`] naming the address when they do not fit.
    pub fn attributes<T: DeserializeOwned>(&self) -> Result<T> {
        let mut values = self.values.clone();
        drop_nulls(&mut values);
        serde_json::from_value(values).map_err(|error| {
            let text = format!("{} has unexpected attributes", self.address);
            Error::new(ErrorKind::InvalidTemplate, text).with_source(error)
        })
    }
}

/// Takes the indexes out of an address.
fn label_of(address: &str) -> String {
    let mut label = String::with_capacity(address.len());
    let (mut inside, mut quoted, mut escaped) = (false, false, false);
    for letter in address.chars() {
        match letter {
            '[' if !inside => inside = true,
            _ if !inside => label.push(letter),
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ']' if !quoted => inside = false,
            _ => {}
        }
    }
    label
}

/// A null attribute means the same as an absent one.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(drop_nulls);
        }
        _ => {}
    }
}

#[derive(Deserialize)]
struct Shown {
    planned_values: Option<Values>,
    prior_state: Option<PriorState>,
    values: Option<Values>,
}

#[derive(Deserialize)]
struct PriorState {
    values: Option<Values>,
}

#[derive(Deserialize)]
struct Values {
    root_module: Module,
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    address: String,
    #[serde(default)]
    resources: Vec<Resource>,
    #[serde(default)]
    child_modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Resource {
    address: String,
    mode: Mode,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    values: Value,
}

/// Reads the output of `terraform show -json`, of a plan file or of a state. Of a plan these are
/// the planned values, and the data sources that were read to make it.
///
/// # Errors
/// [`ErrorKind::Failed`] when it is not what Terraform prints.
pub fn from_show(output: &[u8]) -> Result<Vec<Instance>> {
    let shown: Shown = serde_json::from_slice(output).map_err(|error| {
        Error::new(ErrorKind::Failed, "terraform show cannot be read").with_source(error)
    })?;
    let mut instances = Vec::new();
    for values in [shown.values, shown.planned_values].into_iter().flatten() {
        collect(values.root_module, &mut instances);
    }
    if let Some(prior) = shown.prior_state.and_then(|prior| prior.values) {
        let mut read = Vec::new();
        collect(prior.root_module, &mut read);
        instances.extend(
            read.into_iter()
                .filter(|instance| instance.mode == Mode::Data),
        );
    }
    Ok(instances)
}

fn collect(module: Module, instances: &mut Vec<Instance>) {
    for Resource {
        address,
        mode,
        kind,
        name,
        values,
    } in module.resources
    {
        let module = module.address.clone();
        instances.push(Instance {
            address,
            module,
            mode,
            kind,
            name,
            values,
        });
    }
    for child in module.child_modules {
        collect(child, instances);
    }
}

#[derive(Deserialize)]
struct StateVersion {
    version: u64,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    resources: Vec<StateResource>,
}

#[derive(Deserialize)]
struct StateResource {
    #[serde(default)]
    module: String,
    mode: Mode,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    instances: Vec<StateInstance>,
}

#[derive(Deserialize)]
struct StateInstance {
    index_key: Option<Value>,
    /// Set for an object that a replacement left behind: it is not the instance any more.
    deposed: Option<String>,
    attributes: Option<Value>,
}

/// Reads a state file. `None` when it is of another version or shape than known: then
/// `terraform show -json` has to tell.
#[must_use]
pub fn from_state_file(state: &[u8]) -> Option<Vec<Instance>> {
    if state.is_empty() {
        return Some(Vec::new());
    }
    let version: StateVersion = serde_json::from_slice(state).ok()?;
    if version.version != STATE_VERSION {
        return None;
    }
    let state: State = serde_json::from_slice(state).ok()?;
    let mut instances = Vec::new();
    for StateResource {
        module,
        mode,
        kind,
        name,
        instances: found,
    } in state.resources
    {
        let data = if mode == Mode::Data { "data." } else { "" };
        let dot = if module.is_empty() { "" } else { "." };
        for instance in found {
            if instance.deposed.is_some() {
                continue;
            }
            let index = instance
                .index_key
                .map(|index| format!("[{index}]"))
                .unwrap_or_default();
            instances.push(Instance {
                address: format!("{module}{dot}{data}{kind}.{name}{index}"),
                module: module.clone(),
                mode,
                kind: kind.clone(),
                name: name.clone(),
                values: instance.attributes?,
            });
        }
    }
    Some(instances)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_have_no_indexes() {
        for (address, label) in [
            ("docker_container.main", "docker_container.main"),
            ("docker_container.main[0]", "docker_container.main"),
            (
                "module.a[1].module.b[\"x\"].t.n[\"k\"]",
                "module.a.module.b.t.n",
            ),
            (r#"t.n["a]\"].b"]"#, "t.n"),
        ] {
            assert_eq!(label_of(address), label, "{address}");
        }
    }

    #[test]
    fn a_plan_gives_planned_values_and_read_data() {
        let output = json!({
            "format_version": "1.2",
            "planned_values": { "root_module": {
                "resources": [{ "address": "t.a", "mode": "managed", "type": "t", "name": "a",
                    "values": { "x": 1 } }],
                "child_modules": [{ "address": "module.m", "resources": [{
                    "address": "module.m.t.b[0]", "mode": "managed", "type": "t", "name": "b",
                    "index": 0, "values": {} }] }],
            } },
            "prior_state": { "values": { "root_module": { "resources": [
                { "address": "t.old", "mode": "managed", "type": "t", "name": "old" },
                { "address": "data.d.p", "mode": "data", "type": "d", "name": "p" },
            ] } } },
        });
        let instances = from_show(output.to_string().as_bytes()).unwrap();
        let addresses: Vec<_> = instances
            .iter()
            .map(|found| found.address.as_str())
            .collect();
        assert_eq!(addresses, ["t.a", "module.m.t.b[0]", "data.d.p"]);
        assert_eq!(instances[1].module, "module.m");
    }

    #[test]
    fn an_empty_state_has_nothing() {
        assert!(
            from_show(br#"{"format_version":"1.0"}"#)
                .unwrap()
                .is_empty()
        );
        assert!(from_state_file(b"").unwrap().is_empty());
        assert!(from_show(b"oh").is_err());
    }

    #[test]
    fn a_state_file_gives_the_same_as_show() {
        let state = json!({ "version": 4, "resources": [
            { "module": "module.m[0]", "mode": "managed", "type": "t", "name": "b", "instances": [
                { "index_key": "k\"", "attributes": { "x": 1 } },
                { "index_key": "k\"", "deposed": "abc", "attributes": { "x": 0 } },
            ] },
            { "mode": "data", "type": "d", "name": "p", "instances": [{ "attributes": {} }] },
        ] });
        let instances = from_state_file(state.to_string().as_bytes()).unwrap();
        let addresses: Vec<_> = instances
            .iter()
            .map(|found| found.address.as_str())
            .collect();
        assert_eq!(addresses, [r#"module.m[0].t.b["k\""]"#, "data.d.p"]);
        let newer = br#"{"version":5,"resources":{}}"#;
        assert_eq!(from_state_file(newer), None);
    }

    #[test]
    fn null_is_absent() {
        let mut value = json!({ "a": null, "b": [null, { "c": null, "d": 1 }] });
        drop_nulls(&mut value);
        assert_eq!(value, json!({ "b": [{ "d": 1 }] }));
    }
}

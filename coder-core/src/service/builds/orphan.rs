//! What a delete leaves behind that forgets the state.

use crate::{
    Result, Timestamp,
    id::ProvisionerJobId,
    provisioner_job::{JobLog, LogLevel, LogSource},
    store::Transaction,
};

/// Most resources named, and most characters of an address or id that is shown.
const MAX_RESOURCES: usize = 1_000;
const MAX_TEXT: usize = 256;

/// Writes into a job's log what the state held that is forgotten, so that somebody can remove it by hand.
pub(super) async fn record(
    tx: &mut dyn Transaction,
    job: ProvisionerJobId,
    state: &[u8],
    now: Timestamp,
) -> Result<()> {
    let line = |output: String| JobLog {
        id: 0,
        created_at: now,
        source: LogSource::ProvisionerDaemon,
        level: LogLevel::Warn,
        stage: "Orphaning resources".to_owned(),
        output,
    };
    let lines: Vec<JobLog> = match resources(state) {
        Some(found) if found.is_empty() => vec![line("The state held no resources.".to_owned())],
        Some(found) => found
            .into_iter()
            .map(|resource| line(format!("Left behind, remove it by hand: {resource}")))
            .collect(),
        None => {
            let text = "The state could not be read: look for what the template makes and remove it by hand.";
            vec![line(text.to_owned())]
        }
    };
    tx.provisioner_jobs().append_logs(job, &lines).await?;
    Ok(())
}

/// Address and id of each managed resource of a Terraform state, without those that exist in the state only;
/// `None` when it is none.
fn resources(state: &[u8]) -> Option<Vec<String>> {
    if state.is_empty() {
        return Some(Vec::new());
    }
    let state: State = serde_json::from_slice(state).ok()?;
    let managed = state.resources.into_iter();
    let managed = managed
        .filter(|resource| resource.mode == "managed" && !resource.kind.starts_with("coder_"));
    let instances = managed.flat_map(|resource| {
        let module = resource.module.as_deref().unwrap_or_default();
        let dot = if module.is_empty() { "" } else { "." };
        let address = format!("{module}{dot}{}.{}", resource.kind, resource.name);
        resource.instances.into_iter().map(move |instance| {
            let index = match &instance.index_key {
                serde_json::Value::Null => String::new(),
                index => format!("[{index}]"),
            };
            let id = instance.attributes.get("id");
            let id = id.and_then(serde_json::Value::as_str).unwrap_or_default();
            let address = short(&format!("{address}{index}"));
            match short(id) {
                id if id.is_empty() => address,
                id => format!("{address} (id {id})"),
            }
        })
    });
    Some(instances.take(MAX_RESOURCES).collect())
}

fn short(text: &str) -> String {
    let shown = text.chars().filter(|c| !c.is_control());
    shown.take(MAX_TEXT).collect()
}

/// The part of Terraform's state, version 4, that is looked at.
#[derive(serde::Deserialize)]
struct State {
    resources: Vec<Resource>,
}

#[derive(serde::Deserialize)]
struct Resource {
    module: Option<String>,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    instances: Vec<Instance>,
}

#[derive(serde::Deserialize)]
struct Instance {
    #[serde(default)]
    index_key: serde_json::Value,
    #[serde(default)]
    attributes: serde_json::Map<String, serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managed_resources_are_named_with_their_ids() {
        let state = serde_json::json!({ "version": 4, "resources": [
            { "mode": "data", "type": "coder_workspace", "name": "me", "instances": [{}] },
            { "mode": "managed", "type": "coder_agent", "name": "main", "instances": [{}] },
            { "mode": "managed", "type": "docker_volume", "name": "home",
              "instances": [{ "attributes": { "id": "vol\u{1b}-1", "secret": "x" } }] },
            { "module": "module.vm", "mode": "managed", "type": "aws_instance", "name": "dev",
              "instances": [{ "index_key": 0, "attributes": { "id": "i-1" } },
                            { "index_key": "b", "attributes": {} }] },
        ] });
        let expected = [
            "docker_volume.home (id vol-1)",
            "module.vm.aws_instance.dev[0] (id i-1)",
            "module.vm.aws_instance.dev[\"b\"]",
        ];
        let found = resources(state.to_string().as_bytes()).expect("a state");
        assert_eq!(found, expected);
        assert_eq!(resources(b""), Some(Vec::new()));
        for other in ["x", "[]", r#"{"resources":7}"#] {
            assert!(resources(other.as_bytes()).is_none(), "{other}");
        }
    }
}

//! What `docker inspect` and `podman inspect` say of containers.

use std::collections::BTreeMap;
use std::io;

use coder_core::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::protocol::{WorkspaceAgentContainer, WorkspaceAgentContainerPort};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    created: Timestamp,
    name: String,
    state: State,
    config: Config,
    #[serde(default)]
    mounts: Option<Vec<Mount>>,
    #[serde(default)]
    network_settings: NetworkSettings,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    status: String,
    running: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    image: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    #[serde(default)]
    source: String,
    destination: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSettings {
    ports: Option<BTreeMap<String, Option<Vec<Binding>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Binding {
    host_ip: String,
    host_port: String,
}

/// The containers by name, and what could not be read.
pub(super) fn containers(json: &[u8]) -> io::Result<(Vec<WorkspaceAgentContainer>, Vec<String>)> {
    let all: Vec<Value> = serde_json::from_slice(json)?;
    let (mut containers, mut warnings) = (Vec::new(), Vec::new());
    for one in all {
        let id: String = id_of(&one).chars().take(12).collect();
        match serde_json::from_value(one) {
            Ok(inspected) => containers.push(container(inspected)),
            Err(error) => warnings.push(format!("container {id} cannot be read: {error}")),
        }
    }
    containers.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    Ok((containers, warnings))
}

fn id_of(inspected: &Value) -> &str {
    let id = inspected.get("Id").and_then(Value::as_str);
    id.unwrap_or("?")
}

fn container(inspected: Inspected) -> WorkspaceAgentContainer {
    let ports = inspected.network_settings.ports.unwrap_or_default();
    let mut ports: Vec<_> = ports
        .iter()
        .flat_map(|(port, bindings)| published(port, bindings.as_deref().unwrap_or_default()))
        .collect();
    // One line for the addresses of both families.
    ports.sort();
    ports.dedup_by(|one, other| {
        (one.port, &one.network, one.host_port) == (other.port, &other.network, other.host_port)
    });
    let mounts = inspected.mounts.unwrap_or_default().into_iter();
    WorkspaceAgentContainer {
        created_at: inspected.created,
        id: inspected.id,
        name: inspected.name.trim_start_matches('/').to_owned(),
        image: inspected.config.image,
        labels: inspected.config.labels.unwrap_or_default(),
        running: inspected.state.running,
        ports,
        status: inspected.state.status,
        volumes: mounts
            .map(|mount| (mount.source, mount.destination))
            .collect(),
    }
}

/// `8080/tcp` with where it is bound.
fn published(port: &str, bindings: &[Binding]) -> Vec<WorkspaceAgentContainerPort> {
    let (number, network) = port.split_once('/').unwrap_or((port, "tcp"));
    let Ok(port) = number.parse() else {
        return Vec::new();
    };
    let inside = WorkspaceAgentContainerPort {
        port,
        network: network.to_owned(),
        host_ip: None,
        host_port: None,
    };
    if bindings.is_empty() {
        return vec![inside];
    }
    let bound = bindings.iter().map(|binding| WorkspaceAgentContainerPort {
        host_ip: Some(binding.host_ip.clone()),
        host_port: binding.host_port.parse().ok(),
        ..inside.clone()
    });
    bound.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Docker 20.10 writes it, shortened.
    const DOCKER: &str = r#"[{"Id":"c45c4288f005","Created":"2026-11-26T11:55:02.872305478Z","Name":"/b",
        "State":{"Status":"running","Running":true},"Platform":"linux","Image":"sha256:8cf7",
        "Mounts":[{"Type":"bind","Source":"/home/ann/p","Destination":"/workspaces/p"}],
        "NetworkSettings":{"Ports":{"8080/tcp":[{"HostIp":"0.0.0.0","HostPort":"9090"},
            {"HostIp":"::","HostPort":"9090"}],"53/udp":null}},
        "Config":{"Image":"base:1","Labels":{"devcontainer.local_folder":"/home/ann/p"}}},
        {"Id":"0123456789abcdef","Name":"/broken"},
        {"Id":"d","Created":"2026-11-26T11:55:02Z","Name":"a","State":{"Status":"exited","Running":false},
        "Config":{"Image":"x","Labels":null},"Mounts":null,"NetworkSettings":{"Ports":null}}]"#;

    #[test]
    fn containers_are_read() {
        let (found, warnings) = containers(DOCKER.as_bytes()).unwrap();
        let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(warnings.len(), 1);
        assert!(
            warnings[0].contains("0123456789ab cannot be read"),
            "{warnings:?}"
        );
        let b = &found[1];
        assert!(b.running && b.image == "base:1" && b.volumes["/home/ann/p"] == "/workspaces/p");
        let ports: Vec<_> = b
            .ports
            .iter()
            .map(|port| (port.port, port.host_port))
            .collect();
        assert_eq!(ports, [(53, None), (8_080, Some(9_090))]);
        assert!(containers(b"").is_err() && containers(b"{}").is_err());
    }
}

use http::Response;

use super::server::{Answer, HttpApi, internal, json};
use super::{ListeningPort, ListeningPortsResponse};
use crate::port_scan::Listener;

/// `GET /api/v0/listening-ports`.
pub(super) async fn listening_ports(api: &HttpApi) -> Response<Answer> {
    match api.ports.listeners().await {
        Ok(listeners) => json(&ListeningPortsResponse {
            ports: listeners.iter().map(port).collect(),
        }),
        Err(error) => {
            tracing::warn!(%error, "listening ports cannot be read");
            internal("The agent cannot read which ports are in use.")
        }
    }
}

fn port(listener: &Listener) -> ListeningPort {
    ListeningPort {
        process_name: listener.process_name.clone(),
        network: "tcp".to_owned(),
        port: listener.port,
    }
}

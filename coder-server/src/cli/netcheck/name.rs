//! The name of the first host, and a connection to it.

use super::{report::Finding, route::Endpoint};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

/// Addresses that are tried.
const MAX_ADDRESSES: usize = 4;
/// How long one address may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Looks the name up.
pub(super) async fn resolve(endpoint: &Endpoint) -> Result<(Finding, Vec<SocketAddr>), Finding> {
    let host = &endpoint.host;
    if let Ok(address) = host.parse::<IpAddr>() {
        let finding = Finding::ok(format!("{host} is an address already"));
        return Ok((finding, vec![SocketAddr::new(address, endpoint.port)]));
    }
    let found = lookup_host((host.as_str(), endpoint.port)).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(found) => found.take(MAX_ADDRESSES).collect(),
        Err(error) => {
            return Err(Finding::error(format!("{host:?} has no address: {error}")).hint(
                "Check the name and the DNS servers of this machine. Behind a proxy that resolves names itself, \
                 set HTTPS_PROXY.",
            ));
        }
    };
    if addresses.is_empty() {
        return Err(Finding::error(format!("{host:?} has no address")));
    }
    let texts: Vec<String> = addresses
        .iter()
        .map(|address| address.ip().to_string())
        .collect();
    Ok((
        Finding::ok(format!("{host} is {}", texts.join(", "))),
        addresses,
    ))
}

/// Connects to the first address that answers.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<(Finding, TcpStream), Finding> {
    let mut problems = Vec::new();
    let mut refused = false;
    for address in addresses {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let text = format!("connected to {address}");
                let finding = match problems.is_empty() {
                    true => Finding::ok(text),
                    false => Finding::warning(format!("{text}, but {}", problems.join(", "))),
                };
                return Ok((finding, stream));
            }
            Ok(Err(error)) => {
                refused |= error.kind() == io::ErrorKind::ConnectionRefused;
                problems.push(format!("{address}: {error}"));
            }
            Err(_) => problems.push(format!("{address} does not answer within {CONNECT:?}")),
        }
    }
    let hint = if refused {
        "Nothing listens there: check the port, and whether it runs."
    } else {
        "A firewall may drop the packets. Where the way out is a proxy, set HTTPS_PROXY."
    };
    Err(Finding::error(problems.join(", ")).hint(hint))
}

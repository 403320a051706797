//! Ports that clients ask to have forwarded to them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// How often a free port is looked for that is free at both loopback addresses.
const TRIES: u32 = 8;

/// Listens at a port, or at a free one for port 0, and says at which.
///
/// As OpenSSH's server with `GatewayPorts clientspecified`: at the loopback addresses, unless the
/// client asks for others. Names are refused, since they would have to be looked up.
pub(super) fn listen(requested: &str, port: u16) -> io::Result<(Vec<TcpListener>, u16)> {
    let address: IpAddr = match requested {
        "localhost" => return listen_locally(port),
        "" | "*" => return listen_everywhere(port),
        address => address.parse().map_err(|_| io::ErrorKind::InvalidInput)?,
    };
    let (listener, port) = bind(SocketAddr::new(address, port))?;
    Ok((vec![listener], port))
}

/// One socket serves both families, unless there is no IPv6.
fn listen_everywhere(port: u16) -> io::Result<(Vec<TcpListener>, u16)> {
    let any = |address: IpAddr| bind(SocketAddr::new(address, port));
    let (listener, port) =
        any(Ipv6Addr::UNSPECIFIED.into()).or_else(|_no_ipv6| any(Ipv4Addr::UNSPECIFIED.into()))?;
    Ok((vec![listener], port))
}

/// Programs take either address for `localhost`, so the port has to be free at both.
fn listen_locally(wanted: u16) -> io::Result<(Vec<TcpListener>, u16)> {
    let mut tries = 0;
    loop {
        tries += 1;
        let (first, port) = bind((Ipv4Addr::LOCALHOST, wanted).into())?;
        match bind((Ipv6Addr::LOCALHOST, port).into()) {
            Ok((second, _)) => return Ok((vec![first, second], port)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if wanted != 0 || tries == TRIES {
                    return Err(error);
                }
            }
            // There is no IPv6.
            Err(_) => return Ok((vec![first], port)),
        }
    }
}

/// Neither waits nor resolves names.
pub(in crate::ssh) fn bind(address: SocketAddr) -> io::Result<(TcpListener, u16)> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    Ok((TcpListener::from_std(listener)?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_who_asks_for_it_is_heard_by_others() {
        for (requested, is_local) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("", false),
            ("*", false),
            ("0.0.0.0", false),
        ] {
            let (listeners, _) = listen(requested, 0).unwrap();
            for listener in &listeners {
                let address = listener.local_addr().unwrap().ip();
                assert_eq!(address.is_loopback(), is_local, "{requested}");
                assert_eq!(address.is_unspecified(), !is_local, "{requested}");
            }
        }
        for requested in ["example.com", "localhost ", "300.0.0.1"] {
            let error = listen(requested, 0).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[tokio::test]
    async fn both_loopback_addresses_have_the_same_port() {
        let (listeners, port) = listen("localhost", 0).unwrap();
        assert_ne!(port, 0);
        for listener in &listeners {
            assert_eq!(listener.local_addr().unwrap().port(), port);
        }
        for taken in ["127.0.0.1", "localhost", ""] {
            let error = listen(taken, port).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        }
        // Half of it is in use.
        let other = std::net::TcpListener::bind("[::1]:0");
        if let Ok(other) = other {
            let port = other.local_addr().unwrap().port();
            assert!(listen("localhost", port).is_err());
        }
    }
}

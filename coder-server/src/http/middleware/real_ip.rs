//! The address of a client behind proxies that were configured as trusted.

use coder_core::Error;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// Which peers may name the client's address, and in which headers.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    headers: Vec<HeaderName>,
}

impl TrustedProxies {
    /// Parses addresses or networks such as `10.0.0.0/8`, and names of headers.
    ///
    /// # Errors
    /// [`InvalidInput`](coder_core::ErrorKind::InvalidInput) naming the option.
    pub fn parse(origins: &[String], headers: &[String]) -> Result<Self, Error> {
        let network = |text: &String| {
            let parsed = text
                .parse()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            parsed.map_err(|_| {
                let detail = format!("{text:?} is neither an address nor a network");
                Error::invalid_field("proxy-trusted-origins", detail)
            })
        };
        let header = |text: &String| {
            text.parse::<HeaderName>().map_err(|_| {
                let detail = format!("{text:?} is no name of a header");
                Error::invalid_field("proxy-trusted-headers", detail)
            })
        };
        Ok(Self {
            networks: origins.iter().map(network).collect::<Result<_, _>>()?,
            headers: headers.iter().map(header).collect::<Result<_, _>>()?,
        })
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

/// The client's address: the peer's, unless that is a trusted proxy. Then the last address in the first
/// trusted header that is present which no trusted proxy added: whatever stands before it can be made up.
pub(crate) fn resolve(trusted: &TrustedProxies, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.trusts(peer) {
        return peer;
    }
    for name in &trusted.headers {
        let lines = headers.get_all(name).into_iter();
        let entries: Option<Vec<&str>> = lines.map(|line| line.to_str().ok()).collect();
        let hops = entries.unwrap_or_default();
        let hops = hops.iter().flat_map(|line| line.split(',')).map(str::trim);
        let hops: Option<Vec<IpAddr>> = hops
            .map(|hop| hop.parse::<IpAddr>().ok().map(|ip| ip.to_canonical()))
            .collect();
        if let Some(ip) = hops.and_then(|hops| hops.into_iter().rfind(|&hop| !trusted.trusts(hop)))
        {
            return ip;
        }
    }
    peer
}

/// What counts as one client: an IPv4 address, or the /64 of an IPv6 one, as one host has all of it.
pub(crate) fn client_block(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from(u128::from(ip) & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn client(peer: &str, forwarded: &[&'static str]) -> String {
        let trusted = TrustedProxies::parse(
            &["10.0.0.0/8".to_owned(), "192.0.2.7".to_owned()],
            &["X-Forwarded-For".to_owned()],
        );
        let name = HeaderName::from_static("x-forwarded-for");
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(name.clone(), HeaderValue::from_static(line));
        }
        resolve(
            &trusted.expect("valid"),
            peer.parse().expect("ip"),
            &headers,
        )
        .to_string()
    }

    #[test]
    fn only_trusted_peers_are_believed() {
        assert_eq!(client("203.0.113.1", &["1.1.1.1"]), "203.0.113.1");
        assert_eq!(
            client("10.1.1.1", &["6.6.6.6, 203.0.113.9, 10.2.2.2"]),
            "203.0.113.9"
        );
        assert_eq!(
            client("::ffff:10.1.1.1", &["6.6.6.6", "203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(client("10.1.1.1", &["garbage"]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &[]), "10.1.1.1");
    }

    #[test]
    fn an_ipv6_host_is_its_network() {
        let block = |text: &str| client_block(text.parse().expect("ip"));
        assert_eq!(block("2001:db8::1"), block("2001:db8::ffff:1"));
        assert_ne!(block("2001:db8::1"), block("2001:db8:0:1::1"));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(TrustedProxies::parse(&["10.0.0.0/40".to_owned()], &[]).is_err());
        assert!(TrustedProxies::parse(&[], &["a b".to_owned()]).is_err());
    }
}

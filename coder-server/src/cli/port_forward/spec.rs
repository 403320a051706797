//! What `--tcp` and `--udp` say: `8080`, `8080:80`, `9000-9010:8000-8010`, each with an address of this machine
//! in front at will, several separated by commas.

use crate::cli::error::{CliError, CliResult};
use coder_agent::tunnel::port::FIRST_WORKSPACE_PORT;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
};

/// Ports that one command forwards at most.
pub(super) const MAX_PORTS: usize = 1_024;

/// A port of this machine and the one of the workspace that it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forward {
    /// Port 0 lets the system choose.
    pub(super) local: SocketAddr,
    pub(super) remote: u16,
}

/// Reads a list.
pub(super) fn parse(text: &str) -> CliResult<Vec<Forward>> {
    let mut forwards = Vec::new();
    for part in text.split(',') {
        let found = parse_one(part.trim()).map_err(|problem| {
            CliError::new(format!("{part:?} names no ports: {problem}"))
                .hint("Write 8080, 8080:80, 9000-9010:8000-8010 or 127.0.0.1:8080:80.")
        })?;
        forwards.extend(found);
        if forwards.len() > MAX_PORTS {
            return Err(CliError::new(format!("more than {MAX_PORTS} ports")));
        }
    }
    Ok(forwards)
}

fn parse_one(text: &str) -> Result<Vec<Forward>, String> {
    let (address, ports) = split_address(text)?;
    let (local, remote) = ports.split_once(':').unwrap_or((ports, ports));
    let (local, remote) = (range(local)?, range(remote)?);
    if local.clone().count() != remote.clone().count() {
        return Err("both ranges must be of the same length".to_owned());
    }
    if *remote.start() < FIRST_WORKSPACE_PORT {
        return Err(format!(
            "ports below {FIRST_WORKSPACE_PORT} of a workspace cannot be forwarded"
        ));
    }
    if *local.start() == 0 && local.end() > local.start() {
        return Err("port 0, which lets the system choose, begins no range".to_owned());
    }
    let forwards = local.zip(remote).map(|(local, remote)| Forward {
        local: SocketAddr::new(address, local),
        remote,
    });
    Ok(forwards.collect())
}

/// The address in front, if there is one; else this machine alone can connect.
fn split_address(text: &str) -> Result<(IpAddr, &str), String> {
    let is_address = |text: &str| text.parse::<IpAddr>().map_err(|_| not_an_address(text));
    if let Some(rest) = text.strip_prefix('[') {
        let (address, ports) = rest.split_once("]:").ok_or("\"[\" has no \"]:\"")?;
        return Ok((is_address(address)?, ports));
    }
    let (first, rest) = match text.split_once(':') {
        Some(split) => split,
        None => return Ok((Ipv4Addr::LOCALHOST.into(), text)),
    };
    let is_range = first.chars().all(|c| c.is_ascii_digit() || c == '-');
    match first {
        _ if is_range => Ok((Ipv4Addr::LOCALHOST.into(), text)),
        "localhost" => Ok((Ipv4Addr::LOCALHOST.into(), rest)),
        "*" => Ok((Ipv4Addr::UNSPECIFIED.into(), rest)),
        _ => Ok((is_address(first)?, rest)),
    }
}

fn not_an_address(text: &str) -> String {
    format!("{text:?} is no address of this machine")
}

fn range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let port = |text: &str| {
        text.parse::<u16>()
            .map_err(|_| format!("{text:?} is no port"))
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    if last < first {
        return Err(format!("{text:?} goes backwards"));
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let forwards = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let show = |forward: Forward| format!("{} {}", forward.local, forward.remote);
        forwards.into_iter().map(show).collect()
    }

    #[test]
    fn ports_ranges_addresses_and_lists() {
        for (text, expected) in [
            ("8080", &["127.0.0.1:8080 8080"][..]),
            ("8080:80", &["127.0.0.1:8080 80"]),
            ("0:80", &["127.0.0.1:0 80"]),
            ("localhost:8080:80", &["127.0.0.1:8080 80"]),
            ("0.0.0.0:8080", &["0.0.0.0:8080 8080"]),
            ("*:8080", &["0.0.0.0:8080 8080"]),
            ("[::1]:8080:80", &["[::1]:8080 80"]),
            (
                "127.0.0.1:9000-9002:8000-8002",
                &[
                    "127.0.0.1:9000 8000",
                    "127.0.0.1:9001 8001",
                    "127.0.0.1:9002 8002",
                ],
            ),
            (
                "9000-9001, 53:5353",
                &[
                    "127.0.0.1:9000 9000",
                    "127.0.0.1:9001 9001",
                    "127.0.0.1:53 5353",
                ],
            ),
            (
                "65534-65535",
                &["127.0.0.1:65534 65534", "127.0.0.1:65535 65535"],
            ),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "",
            ",",
            "x",
            "80:",
            ":80",
            "80:80:80:80",
            "65536",
            "-1",
            "9-",
            "9010-9000",
            "9000-9001:80",
            "0-3:9-12",
            "8080:8",
            "8",
            "example.com:80:80",
            "[::1]8080",
            "[::1:8080",
            "9-1034",
        ] {
            parse(text).map(drop).expect_err(text);
        }
    }
}

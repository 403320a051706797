use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The state of a socket that listens.
const LISTEN: &str = "0A";

/// A listening socket in `/proc/net/tcp` or `tcp6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) inode: u64,
}

/// Reads a line; `None` for one of another socket, or of none.
pub(super) fn listening(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?;
    if state != LISTEN {
        return None;
    }
    Some(Socket {
        address: parse_address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: inode.parse().ok()?,
    })
}

/// Whether connections to 127.0.0.1 or `::1` get to a listener on this address.
pub(super) fn is_reachable(address: IpAddr) -> bool {
    match address.to_canonical() {
        // Only the first address of 127.0.0.0/8 is dialled.
        IpAddr::V4(address) => address == Ipv4Addr::LOCALHOST || address.is_unspecified(),
        IpAddr::V6(address) => address == Ipv6Addr::LOCALHOST || address.is_unspecified(),
    }
}

/// The kernel writes addresses as numbers of 32 bits in the machine's own order.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |index: usize| {
        let digits = text.get(8 * index..8 * (index + 1))?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match text.len() {
        8 => Some(IpAddr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.as_flattened().try_into().ok()?;
            Some(IpAddr::from(bytes))
        }
        _ => None,
    }
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_found() {
        let line = "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 51234 1 0000000000000000 100 0 0 10 0";
        let socket = listening(line).unwrap();
        assert_eq!(socket.address, IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!((socket.port, socket.inode), (8080, 51_234));
        let connected = line.replace(" 0A ", " 01 ");
        assert_eq!(listening(&connected), None);
        let v6 = "   0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 1 0000000000000000 100 0 0 10 0";
        let socket = listening(v6).unwrap();
        assert_eq!(socket.address, IpAddr::V6(Ipv6Addr::LOCALHOST));
        for nonsense in [
            "",
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            "x",
            "0: 0100007F:1F90 00000000:0000 0A 0 0 0",
            "0: 0100007F:99999 0:0 0A 0:0 0:0 0 0 0 1",
            "0: 01:1 0:0 0A 0:0 0:0 0 0 0 1",
            "0: é00007F:1F90 0:0 0A 0:0 0:0 0 0 0 1",
        ] {
            assert_eq!(listening(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn only_what_the_tunnel_reaches_counts() {
        for (address, reachable) in [
            ("127.0.0.1", true),
            ("0.0.0.0", true),
            ("::", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("127.0.0.53", false),
            ("172.17.0.2", false),
            ("fe80::1", false),
        ] {
            assert_eq!(
                is_reachable(address.parse().unwrap()),
                reachable,
                "{address}"
            );
        }
    }
}

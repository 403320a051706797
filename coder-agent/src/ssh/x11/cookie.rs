use std::fmt;

/// The longest name of a protocol, in bytes; the usual one has 18.
const MAX_PROTOCOL: usize = 64;

/// The longest cookie, in bytes; the usual one has 16.
const MAX_DATA: usize = 256;

/// What a program has to show to the display.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::ssh) struct Cookie {
    pub(super) protocol: String,
    pub(super) data: Vec<u8>,
}

impl Cookie {
    /// Reads the two texts of a request; `None` if they cannot be written to a file that other
    /// programs read.
    pub(in crate::ssh) fn parse(protocol: &str, hex: &str) -> Option<Self> {
        let is_usable = !protocol.is_empty()
            && protocol.len() <= MAX_PROTOCOL
            && protocol
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".:/-_".contains(&byte));
        if !is_usable || hex.is_empty() || hex.len() > 2 * MAX_DATA || !hex.len().is_multiple_of(2)
        {
            return None;
        }
        let data = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| {
                let pair = std::str::from_utf8(pair).ok()?;
                let is_hex = pair.bytes().all(|byte| byte.is_ascii_hexdigit());
                is_hex.then(|| u8::from_str_radix(pair, 16).ok())?
            })
            .collect::<Option<_>>()?;
        Some(Self {
            protocol: protocol.to_owned(),
            data,
        })
    }
}

impl fmt::Debug for Cookie {
    /// Leaves out what is secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cookie")
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies() {
        let cookie = Cookie::parse("MIT-MAGIC-COOKIE-1", "00ffA0").unwrap();
        assert_eq!(cookie.data, [0, 255, 160]);
        assert!(!format!("{cookie:?}").contains("255"));
        for (protocol, hex) in [
            ("", "00"),
            ("MIT MAGIC", "00"),
            ("x\ny", "00"),
            ("MIT", ""),
            ("MIT", "0"),
            ("MIT", "zz"),
            ("MIT", "+f"),
            ("MIT", "é"),
        ] {
            assert_eq!(Cookie::parse(protocol, hex), None, "{protocol} {hex}");
        }
        assert_eq!(Cookie::parse("MIT", &"00".repeat(MAX_DATA + 1)), None);
        assert_eq!(Cookie::parse(&"x".repeat(MAX_PROTOCOL + 1), "00"), None);
    }
}

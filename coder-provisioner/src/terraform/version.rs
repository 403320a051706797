//! Versions of Terraform and OpenTofu.

use std::fmt;

/// A version: major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32, pub(super) u32);

impl Version {
    /// Reads `1.11.4`, also with a suffix such as `-beta1`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let core = text.split(['-', '+']).next()?;
        let mut parts = core.split('.').map(|part| part.parse::<u32>().ok());
        let version = Self(parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_by_number() {
        assert_eq!(Version::parse("1.11.4"), Some(Version(1, 11, 4)));
        assert_eq!(Version::parse("1.16.0-rc1"), Some(Version(1, 16, 0)));
        assert!(Version(1, 9, 0) < Version(1, 11, 4));
        for odd in ["", "1", "1.2", "1.2.3.4", "one.2.3"] {
            assert_eq!(Version::parse(odd), None, "{odd}");
        }
    }
}

//! Terraform and OpenTofu, and what sets their versions apart.

use std::fmt;

use super::version::Version;

/// Oldest version of Terraform that works.
pub const MINIMUM_VERSION: &str = "1.1.0";
/// Newest minor version of Terraform that this crate is known to work with.
pub const MAXIMUM_VERSION: &str = "1.15";
/// Oldest version of OpenTofu that is accepted: its first one.
pub const MINIMUM_OPENTOFU_VERSION: &str = "1.6.0";
/// Newest minor version of OpenTofu that is accepted without a warning.
pub const MAXIMUM_OPENTOFU_VERSION: &str = "1.11";

/// A program that carries out templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    Terraform,
    OpenTofu,
}

impl Product {
    /// The first version that works.
    pub(super) fn minimum(self) -> Version {
        match self {
            Self::Terraform => Version(1, 1, 0),
            Self::OpenTofu => Version(1, 6, 0),
        }
    }

    /// The first version of which nothing is known.
    pub(super) fn first_unknown(self) -> Version {
        match self {
            Self::Terraform => Version(1, 16, 0),
            Self::OpenTofu => Version(1, 12, 0),
        }
    }

    /// Whether `init` takes `-json`.
    pub(super) fn init_has_json(self, version: Version) -> bool {
        version
            >= match self {
                Self::Terraform => Version(1, 9, 0),
                Self::OpenTofu => Version(1, 8, 0),
            }
    }

    /// Whether `graph` must be told that the graph of a plan is wanted: the default became another.
    /// OpenTofu's is still that one.
    pub(super) fn graph_has_type(self, version: Version) -> bool {
        self == Self::Terraform && version >= Version(1, 7, 0)
    }
}

impl fmt::Display for Product {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Terraform => "Terraform",
            Self::OpenTofu => "OpenTofu",
        })
    }
}

/// What to install, for messages.
pub(super) fn supported() -> String {
    format!(
        "install Terraform {MINIMUM_VERSION} or newer (known to work up to {MAXIMUM_VERSION}), or OpenTofu \
         {MINIMUM_OPENTOFU_VERSION} or newer (expected to work up to {MAXIMUM_OPENTOFU_VERSION})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_the_numbers() {
        for (product, minimum, maximum) in [
            (Product::Terraform, MINIMUM_VERSION, MAXIMUM_VERSION),
            (
                Product::OpenTofu,
                MINIMUM_OPENTOFU_VERSION,
                MAXIMUM_OPENTOFU_VERSION,
            ),
        ] {
            assert_eq!(product.minimum().to_string(), minimum);
            let Version(major, minor, _) = product.first_unknown();
            assert_eq!(format!("{major}.{}", minor - 1), maximum);
        }
    }
}

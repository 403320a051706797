//! The `provider "coder"` block.

use super::schema::optional;

attributes! {
    /// The settings of the provider.
    Provider {
        /// The URL of the deployment; set by the provisioner.
        url: String = optional();
    }
}

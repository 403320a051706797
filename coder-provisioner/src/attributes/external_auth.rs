//! `data.coder_external_auth`.

use super::schema::{computed, optional, required};

attributes! {
    /// An account of the user with another service.
    ExternalAuth = "coder_external_auth" {
        /// The id under which the server knows the service.
        id: String = required();
        /// Whether the workspace may be built before the user has linked the account.
        optional: bool = optional();
        /// The access token of the account, empty when it is not linked.
        access_token: String = computed().sensitive();
    }
}

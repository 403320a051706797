use std::collections::BTreeMap;
use std::fmt;

use coder_core::{Timestamp, secret::Secret};
use serde::{Deserialize, Serialize};

/// `GET gitsshkey`: the key pair with which the workspace's owner reaches Git hosts over SSH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitSshKey {
    /// The line that Git hosts know.
    pub public_key: String,
    /// In the format of OpenSSH, without a passphrase.
    pub private_key: Secret,
}

/// What to ask `GET external-auth` for, as its query. Exactly one of `match` and `id` is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalAuthQuery {
    /// A host, or the address of a repository, that a provider is responsible for.
    #[serde(rename = "match", skip_serializing_if = "String::is_empty")]
    pub matching: String,
    /// The provider.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Wait until the owner has signed in, instead of answering with where to do so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub listen: bool,
}

/// What `GET external-auth` answers: where the owner has to sign in first, or the credentials.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalAuthResponse {
    /// The token; empty while the owner has to sign in.
    pub access_token: Secret,
    /// What the provider gave beside the token.
    pub token_extra: BTreeMap<String, serde_json::Value>,
    /// Where the owner signs in; empty when there is a token.
    pub url: String,
    /// The kind of provider, such as `github`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When the token ends; absent if it does not.
    pub expires_at: Option<Timestamp>,
    /// What Git shall send as the name.
    pub username: String,
    /// What Git shall send as the password.
    pub password: Secret,
}

impl fmt::Debug for ExternalAuthResponse {
    /// Leaves out the extra values, which may be secrets too.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExternalAuthResponse")
            .field("url", &self.url)
            .field("type", &self.kind)
            .field("expires_at", &self.expires_at)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

use coder_core::secret::Secret;
use serde::{Deserialize, Serialize};

/// `POST ../aws-instance-identity`: what Amazon's metadata service says of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsInstanceIdentityToken {
    /// `instance-identity/signature`: RSA with SHA-256 over the document, as base64.
    pub signature: String,
    /// `instance-identity/document`, byte by byte.
    pub document: String,
    /// Which of several agents of the machine; empty for the only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_name: String,
}

/// `POST ../azure-instance-identity`: what Azure's metadata service says of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AzureInstanceIdentityToken {
    /// The attested document: PKCS #7 in DER, as base64.
    pub signature: String,
    /// `pkcs7`.
    pub encoding: String,
    /// Which of several agents of the machine; empty for the only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_name: String,
}

/// `POST ../google-instance-identity`: what Google's metadata service says of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoogleInstanceIdentityToken {
    /// A token of the default service account for the audience `coder`, in the format `full`.
    pub json_web_token: String,
    /// Which of several agents of the machine; empty for the only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent_name: String,
}

/// What is given for each of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticateResponse {
    /// The agent's token for all other calls.
    pub session_token: Secret,
}

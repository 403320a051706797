//! Keys of users, and how machines in clouds are known.

use coder_core::git_ssh_key::SshKeygenAlgorithm;
use std::path::PathBuf;
use url::Url;

/// Keys of users, and how machines in clouds are known.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct IdentityConfig {
    /// What new key pairs for Git hosts are made with: ed25519 or ecdsa. RSA is not offered.
    #[arg(long, env = "CODER_SSH_KEYGEN_ALGORITHM", default_value = "ed25519")]
    pub ssh_keygen_algorithm: SshKeygenAlgorithm,
    /// A PEM file, or a folder of them, with the certificates (RSA) by which Amazon's regions sign instance
    /// identity documents. Needed for agents with `auth = "aws-instance-identity"`.
    #[arg(
        long,
        env = "CODER_AWS_INSTANCE_IDENTITY_CERTIFICATES",
        value_name = "PATH"
    )]
    pub aws_instance_identity_certificates: Option<PathBuf>,
    /// The same with the certificates that issue those of Azure's metadata service. Needed for agents with
    /// `auth = "azure-instance-identity"`.
    #[arg(
        long,
        env = "CODER_AZURE_INSTANCE_IDENTITY_CERTIFICATES",
        value_name = "PATH"
    )]
    pub azure_instance_identity_certificates: Option<PathBuf>,
    /// Where Google publishes the keys of instance identity tokens (JWKS).
    #[arg(
        long,
        env = "CODER_GOOGLE_INSTANCE_IDENTITY_KEYS_URL",
        default_value = "https://www.googleapis.com/oauth2/v3/certs",
        value_name = "URL"
    )]
    pub google_instance_identity_keys_url: Url,
}

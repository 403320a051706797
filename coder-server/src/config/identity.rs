//! Keys of users.

use coder_core::git_ssh_key::SshKeygenAlgorithm;

/// Keys of users.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct IdentityConfig {
    /// What new key pairs for Git hosts are made with: ed25519 or ecdsa. RSA is not offered.
    #[arg(long, env = "CODER_SSH_KEYGEN_ALGORITHM", default_value = "ed25519")]
    pub ssh_keygen_algorithm: SshKeygenAlgorithm,
}

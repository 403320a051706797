//! `data.coder_provisioner`.

use super::schema::computed;

attributes! {
    /// The machine that runs Terraform.
    Provisioner = "coder_provisioner" {
        /// A random identity.
        id: String = computed();
        /// Its operating system.
        os: String = computed();
        /// Its architecture.
        arch: String = computed();
    }
}

//! The Terraform provider, driven by a real `terraform`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what is missing fails the test, in the helpers too; a skip says why"
)]

mod diagnostics;
#[cfg(feature = "terraform")]
mod everything;
mod harness;
mod lifetime;
mod workspace;

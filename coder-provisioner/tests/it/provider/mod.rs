//! The Terraform provider, driven by a real `terraform`.

mod diagnostics;
mod harness;
mod lifetime;
mod workspace;

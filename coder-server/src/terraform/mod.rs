//! Terraform as this program runs it, inside the server and in daemons of their own.

mod download;
mod provisioner;

pub(crate) use provisioner::{cache_folder, host_name, provisioner};

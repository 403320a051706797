//! Integration tests of the provisioner crate.

#[cfg(feature = "testing")]
mod daemon;
#[cfg(feature = "testing")]
mod echo;
#[cfg(feature = "tfprovider")]
mod provider;

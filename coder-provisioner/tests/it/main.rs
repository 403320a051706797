//! Integration tests of the provisioner crate.

#![cfg_attr(
    feature = "testing",
    expect(
        clippy::expect_used,
        clippy::panic,
        clippy::unwrap_used,
        reason = "helpers of tests fail like tests"
    )
)]

#[cfg(feature = "testing")]
mod daemon;
#[cfg(feature = "testing")]
mod echo;
#[cfg(all(feature = "testing", feature = "terraform"))]
mod fetch;
#[cfg(all(feature = "testing", feature = "terraform"))]
mod flood;
#[cfg(all(feature = "testing", feature = "terraform", feature = "tfprovider"))]
mod init;
mod protocols;
#[cfg(feature = "tfprovider")]
mod provider;
#[cfg(any(feature = "terraform", feature = "tfprovider"))]
mod schema;
#[cfg(all(feature = "testing", feature = "terraform"))]
mod terraform;
#[cfg(all(feature = "testing", feature = "terraform", feature = "tfprovider"))]
mod terraform_provider;

//! Integration tests of the server, against real parts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the helpers of tests are tests too, which clippy does not know"
)]

mod api;
mod conformance;
mod postgres;
mod store;

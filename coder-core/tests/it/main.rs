//! Tests of the crate as its users see it.

#[cfg(all(feature = "memory", feature = "testing"))]
#[expect(
    clippy::expect_used,
    reason = "the helpers of tests are tests too, which clippy does not know"
)]
mod service;
#[cfg(all(feature = "memory", feature = "testing"))]
mod store;

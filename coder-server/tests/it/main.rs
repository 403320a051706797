//! Integration tests of the server, against real parts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    reason = "the helpers of tests are tests too, which clippy does not know"
)]

mod agent_load;
mod api;
mod cancel;
mod conformance;
mod postgres;
mod store;

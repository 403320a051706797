//! Tests of the crate as its users see it.

#[cfg(all(feature = "memory", feature = "testing"))]
mod service;
#[cfg(all(feature = "memory", feature = "testing"))]
mod store;

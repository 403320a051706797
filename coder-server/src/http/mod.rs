//! What all endpoints share: the router with its OpenAPI document, errors, extractors, middlewares.
//!
//! # Adding an endpoint
//!
//! One file `api/<resource>/<operation>.rs` holds the request and response types (unless shared, then
//! `types.rs`), the `#[utoipa::path]` declaration with `security` and the `x-permission` extension, and the
//! handler. It is listed in the resource's `routes.rs`, which makes the route and the OpenAPI entry at
//! once. A handler extracts, calls one use case with the caller's [`Subject`](coder_core::rbac::Subject),
//! and maps the result to a view. Then add a row to `tests/it/grid.rs` and run the tests with
//! `UPDATE_EXPECT=1` to refresh `docs/api/openapi.json`.

pub mod error;
pub mod extract;
pub mod follow;
pub mod metrics;
pub mod middleware;
pub mod openapi;
mod router;

pub use error::{ApiError, ApiResult, Response};
pub use router::{api, router};

//! Middlewares, each a function that reads like a paragraph; their order is in the router.

mod authenticate;
mod context;
mod cross_site;
mod headers;
mod limits;
mod rate_limit;
mod real_ip;

pub(crate) use authenticate::{Identity, authenticate};
pub(crate) use context::{RequestContext, observe};
pub(crate) use cross_site::refuse_cross_site;
pub(crate) use headers::{api_headers, common_headers};
pub(crate) use limits::{InFlight, bound_requests};
pub use rate_limit::RateLimiter;
pub(crate) use rate_limit::limit_rate;
pub use real_ip::TrustedProxies;

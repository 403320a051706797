//! `coder netcheck`: goes the way to the deployment hop by hop, and names the one that fails.

mod certificate;
mod credentials;
mod http;
mod name;
mod proxy;
mod report;
mod route;
mod run;
mod tls;
mod websocket;

pub(crate) use run::{NetcheckArgs, run};

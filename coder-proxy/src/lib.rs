//! The reverse proxy into workspaces ("dev URLs"): its names and the traits it needs.
//!
//! An app is reached by a host name of its own below a wildcard host, `code--dev--ann.apps.example.com`.
//! [`AppHostname`] recognises such hosts, [`AppUrl`] is what the first label says:
//!
//! ```
//! use coder_proxy::{AppHostname, AppTarget, AppUrl};
//!
//! let wildcard = AppHostname::parse("*.apps.example.com")?;
//! let label = wildcard.label("8080--main--dev--ann.APPS.example.com:443").expect("matches");
//! let url: AppUrl = label.parse()?;
//! assert_eq!(url.target, AppTarget::Port { port: 8080, https: false });
//! assert_eq!(wildcard.host(&url)?, "8080--main--dev--ann.apps.example.com");
//! # Ok::<(), coder_proxy::ProxyError>(())
//! ```
//!
//! The proxy itself reaches agents only through [`AgentDialer`], which whoever embeds it implements.

mod app_url;
mod dial;
mod error;
mod hostname;

pub use app_url::{AppTarget, AppUrl};
pub use dial::{AgentDialer, BoxedIo};
pub use error::{ProxyError, ProxyErrorKind};
pub use hostname::AppHostname;

//! X11 forwarding: a display on a loopback port, and the cookie that lets programs use it.
//!
//! The cookie is one that the client has made up for this session; the client knows it again in
//! what programs send, and puts the real one in its place.

mod cookie;
mod display;
mod xauthority;

pub(super) use cookie::Cookie;
pub(super) use display::{Display, Request, authority};

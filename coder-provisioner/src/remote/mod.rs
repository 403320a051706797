//! The calls of [`ProvisionerDaemonApi`](crate::ProvisionerDaemonApi) over a WebSocket, for daemons
//! in other processes. `docs/PROTOCOLS.md` describes it for those who write one in another language.
//!
//! | module | what it holds |
//! |---|---|
//! | `frame` | WebSocket messages, whatever library carries them |
//! | `envelope`, `body` | calls and answers as JSON, with large bytes beside it |
//! | `assembler`, `link` | pieces put together within bounds; sending, pings, silence |
//! | `server`, `calls`, `claims` | [`serve`] answers a daemon's calls and takes back what did not arrive |
//! | `websocket` | frames of tokio-tungstenite, either side (feature `client`) |
//! | `client` | `DaemonClient` keeps a connection and makes the calls (feature `client`) |

#[cfg_attr(
    not(feature = "client"),
    expect(
        dead_code,
        reason = "some of it is for the daemon's side, feature `client`"
    )
)]
mod assembler;
mod body;
#[cfg_attr(
    not(feature = "client"),
    expect(
        dead_code,
        reason = "some of it is for the daemon's side, feature `client`"
    )
)]
mod calls;
mod claims;
#[cfg(feature = "client")]
pub mod client;
#[cfg_attr(
    not(feature = "client"),
    expect(
        dead_code,
        reason = "some of it is for the daemon's side, feature `client`"
    )
)]
mod envelope;
mod frame;
mod limits;
mod link;
mod server;
mod version;
#[cfg(feature = "client")]
mod websocket;

pub use frame::{BoxError, Frame, Frames, close_code};
pub use limits::{
    CHUNK_BYTES, CONFIRM_TIMEOUT, MAX_BODY_BYTES, MAX_CALLS, MAX_ENVELOPE_BYTES, MAX_MESSAGE_BYTES,
    MAX_SILENCE, MAX_UNFINISHED_BYTES, PING_INTERVAL,
};
pub use server::{Standing, serve};
pub use version::check_version;
#[cfg(feature = "client")]
pub use websocket::{WebSocketFrames, client_frames, server_frames};

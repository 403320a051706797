//! How the proxy reaches into a workspace.

use crate::ProxyError;
use async_trait::async_trait;
use coder_core::id::WorkspaceAgentId;
use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream.
pub type BoxedIo = Box<dyn Io>;

/// What a byte stream can do.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens streams to ports inside workspaces.
#[async_trait]
pub trait AgentDialer: Send + Sync {
    /// A stream to `port` on the agent's loopback interface.
    ///
    /// # Errors
    /// [`AgentUnavailable`](crate::ProxyErrorKind::AgentUnavailable) when the agent is not connected,
    /// [`ConnectionRefused`](crate::ProxyErrorKind::ConnectionRefused) when nothing listens.
    async fn dial(&self, agent: WorkspaceAgentId, port: u16) -> Result<BoxedIo, ProxyError>;
}

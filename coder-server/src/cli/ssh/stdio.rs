//! Passes bytes between OpenSSH and the tunnel.

use crate::cli::{
    error::{CliError, CliResult},
    stdio::Stdio,
};
use coder_agent::tunnel::splice;
use tokio::io::{AsyncBufRead, AsyncWrite};

/// Passes bytes between the stream and standard input and output until either side ends.
pub(super) async fn copy(stream: impl AsyncBufRead + AsyncWrite + Unpin) -> CliResult {
    match splice(Stdio::open(), stream).await {
        Ok(()) => Ok(()),
        // The OpenSSH client goes away without a word when it is done.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            Err(CliError::new("the connection to the workspace was lost").caused_by(error))
        }
    }
}

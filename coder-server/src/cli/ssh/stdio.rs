//! Passes bytes between OpenSSH and the tunnel.

use crate::cli::error::{CliError, CliResult};
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes moved at once between OpenSSH and the tunnel.
const COPY_BUFFER: usize = 64 * 1024;

/// Passes bytes between the stream and standard input and output until either side ends.
pub(super) async fn copy(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> CliResult {
    let mut stdio = tokio::io::join(tokio::io::stdin(), tokio::io::stdout());
    match tokio::io::copy_bidirectional_with_sizes(
        &mut stdio,
        &mut stream,
        COPY_BUFFER,
        COPY_BUFFER,
    )
    .await
    {
        Ok(_) => Ok(()),
        // The OpenSSH client goes away without a word when it is done.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            Err(CliError::new("the connection to the workspace was lost").caused_by(error))
        }
    }
}

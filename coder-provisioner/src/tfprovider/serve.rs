//! The process of the provider.

use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::environment::{Environment, hex};
use super::grpc::Services;
use super::lifetime::Lifetime;
use super::provider::Provider;
use super::{handshake, tls};

/// How long Terraform may take to connect. It waits for a minute itself for the handshake line.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the last answer may take once Terraform has asked the provider to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the provider could not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Terraform did not start this process.
    #[error("this is a plugin of Terraform, which starts it; it does nothing on its own")]
    NotAPlugin,
    /// Terraform speaks other versions of the plugin protocol only.
    #[error("version 6 of the plugin protocol is not among Terraform's ({0})")]
    ProtocolVersion(String),
    /// The certificate of either side cannot be used.
    #[error("no TLS with Terraform")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system refused a socket, a signal handler or the like.
    #[error("{action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

/// Serves the provider to the Terraform that started this process, until it is done.
///
/// Returns when Terraform asks for it, closes the connection, does not connect within a minute, or
/// is gone. Blocks the thread on a runtime of its own, so call it before any other is started.
///
/// # Errors
/// When Terraform did not start the process, or the two cannot get connected.
pub fn serve() -> Result<(), ServeError> {
    if !handshake::is_plugin_invocation() {
        return Err(ServeError::NotAPlugin);
    }
    let versions = std::env::var("PLUGIN_PROTOCOL_VERSIONS").ok();
    if !handshake::speaks_our_version(versions.as_deref()) {
        return Err(ServeError::ProtocolVersion(versions.unwrap_or_default()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("starting the runtime"))?;
    runtime.block_on(serve_until_the_end())
}

async fn serve_until_the_end() -> Result<(), ServeError> {
    let mut lifetime = Lifetime::watch().map_err(failed("watching for signals"))?;
    let acceptor = match std::env::var("PLUGIN_CLIENT_CERT")
        .ok()
        .filter(|pem| !pem.is_empty())
    {
        Some(pem) => Some(tls::identity(&pem)?),
        None => None,
    };
    let socket = Socket::bind()?;
    let certificate = acceptor
        .as_ref()
        .map(|identity| identity.certificate.as_slice());
    announce(&handshake::line(&socket.path()?, certificate))?;

    let provider = Provider::new(Environment::of_process());
    let config = acceptor.map(|identity| identity.config);
    tokio::select! {
        result = serve_connection(socket, config, provider) => result,
        () = lifetime.ended() => Ok(()),
    }
}

fn announce(line: &str) -> Result<(), ServeError> {
    let mut out = io::stdout().lock();
    let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    written.map_err(failed("writing the handshake line"))
}

async fn serve_connection(
    socket: Socket,
    config: Option<Arc<rustls::ServerConfig>>,
    provider: Provider,
) -> Result<(), ServeError> {
    let Ok(stream) = tokio::time::timeout(CONNECT_TIMEOUT, accept(&socket, config)).await else {
        return Ok(());
    };
    // Terraform connects once. The socket is gone from here on, so that nothing is left behind if
    // the process is killed.
    drop(socket);

    let shutdown = Arc::new(Notify::new());
    let services = Services::new(provider, Arc::clone(&shutdown));
    let service = hyper::service::service_fn(move |request| services.clone().call(request));
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream?), service);
    let mut connection = std::pin::pin!(connection);
    // However the connection ends, Terraform is done with us.
    tokio::select! {
        _ = connection.as_mut() => return Ok(()),
        () = shutdown.notified() => connection.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, connection).await;
    Ok(())
}

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Waits for the first connection that is Terraform's.
async fn accept(
    socket: &Socket,
    config: Option<Arc<rustls::ServerConfig>>,
) -> Result<Box<dyn Stream>, ServeError> {
    let acceptor = config.map(TlsAcceptor::from);
    loop {
        let (stream, _): (UnixStream, _) = socket
            .listener
            .accept()
            .await
            .map_err(failed("accepting a connection"))?;
        let Some(acceptor) = &acceptor else {
            return Ok(Box::new(stream));
        };
        // Who does not hold the key is not Terraform.
        if let Ok(stream) = acceptor.accept(stream).await {
            return Ok(Box::new(stream));
        }
    }
}

/// A socket in a directory that only this user can enter; removed when dropped.
struct Socket {
    listener: UnixListener,
    directory: PathBuf,
}

impl Socket {
    fn bind() -> Result<Self, ServeError> {
        let mut name = [0; 8];
        getrandom::fill(&mut name)
            .map_err(io::Error::from)
            .map_err(failed("making a name for the socket"))?;
        let parent = std::env::var_os("PLUGIN_UNIX_SOCKET_DIR").filter(|dir| !dir.is_empty());
        let parent = parent.map_or_else(std::env::temp_dir, PathBuf::from);
        let directory = parent.join(format!("coder-provider-{}", hex(&name)));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .map_err(failed("making the directory of the socket"))?;
        match UnixListener::bind(socket_path(&directory)) {
            Ok(listener) => Ok(Self {
                listener,
                directory,
            }),
            Err(error) => {
                let _ = std::fs::remove_dir(&directory);
                Err(failed("binding the socket")(error))
            }
        }
    }

    /// The path of the socket, as text for the handshake line.
    fn path(&self) -> Result<String, ServeError> {
        let path = socket_path(&self.directory).into_os_string();
        let path = path
            .into_string()
            .ok()
            .filter(|path| !path.contains(['|', '\n']));
        let unusable = || io::Error::from(io::ErrorKind::InvalidFilename);
        path.ok_or_else(|| failed("naming the socket")(unusable()))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(socket_path(&self.directory));
        let _ = std::fs::remove_dir(&self.directory);
    }
}

fn socket_path(directory: &Path) -> PathBuf {
    directory.join("socket")
}

fn failed(action: &'static str) -> impl FnOnce(io::Error) -> ServeError {
    move |source| ServeError::Io { action, source }
}

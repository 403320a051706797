use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use tokio_util::sync::DropGuard;

use super::{Cookie, xauthority};
use crate::platform::process::host_name;
use crate::ssh::forward::{Forwards, Listener, Opener, Origin, bind};
use crate::ssh::private_folder::PrivateFolder;

/// Displays with lower numbers may be real ones.
const FIRST_DISPLAY: u16 = 10;

/// The last display, so that ports 6010 to 6200 are used.
const LAST_DISPLAY: u16 = 200;

/// The port of display 0.
const FIRST_PORT: u16 = 6000;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ssh) struct Request {
    pub(in crate::ssh) cookie: Cookie,
    pub(in crate::ssh) screen: u32,
    /// Whether the first connection is the only one.
    pub(in crate::ssh) single_connection: bool,
}

/// A session's display, for as long as this lives.
#[derive(Debug)]
pub(in crate::ssh) struct Display {
    number: u16,
    request: Request,
    _listener: DropGuard,
}

impl Display {
    /// Listens at the first free display.
    pub(in crate::ssh) fn listen(
        request: Request,
        forwards: &Forwards,
        opener: Opener,
    ) -> io::Result<Self> {
        let mut outcome = Err(io::ErrorKind::AddrNotAvailable.into());
        for number in FIRST_DISPLAY..=LAST_DISPLAY {
            outcome = bind_display(number);
            match &outcome {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                _ => break,
            }
        }
        let (number, listener) = outcome?;
        let origin = Origin::X11 {
            once: request.single_connection,
        };
        Ok(Self {
            number,
            _listener: forwards.serve(listener, origin, opener),
            request,
        })
    }

    /// What programs find in `DISPLAY`.
    pub(in crate::ssh) fn name(&self) -> String {
        format!("localhost:{}.{}", self.number, self.request.screen)
    }

    /// Puts the cookie where programs look for it: into the file `usual`, or, where that cannot be
    /// written, into one of its own, whose folder has to live as long as the session.
    pub(in crate::ssh) async fn authorize(
        &self,
        usual: PathBuf,
        parents: Vec<PathBuf>,
    ) -> io::Result<Option<PrivateFolder>> {
        let (number, cookie) = (self.number, self.request.cookie.clone());
        let add = move || {
            let host = host_name();
            let Err(error) = xauthority::add(&usual, &host, number, &cookie) else {
                return Ok(None);
            };
            tracing::debug!(%error, file = %usual.display(), "an X11 cookie has another place");
            let folder = PrivateFolder::create(&parents)?;
            xauthority::add(&authority(&folder), &host, number, &cookie)?;
            Ok(Some(folder))
        };
        tokio::task::spawn_blocking(add)
            .await
            .map_err(io::Error::other)?
    }
}

/// The file of cookies in a folder that has nothing else.
pub(in crate::ssh) fn authority(folder: &PrivateFolder) -> PathBuf {
    folder.path().join("Xauthority")
}

fn bind_display(number: u16) -> io::Result<(u16, Listener)> {
    let port = FIRST_PORT + number;
    let (first, _) = bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))?;
    let mut listeners = vec![first];
    match bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)) {
        Ok((second, _)) => listeners.push(second),
        // A display of somebody else: programs would not know which one they reach.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
        // There is no IPv6.
        Err(_) => {}
    }
    Ok((number, Listener::Tcp(listeners)))
}

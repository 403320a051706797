use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use russh::server::{Auth, ChannelOpenHandle, Handle, Msg, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty, Sig};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::block::{FILE_TRANSFER_EXIT, FILE_TRANSFER_MESSAGE};
use super::forward::{Forwards, Opener, Target};
use super::input::InputBudget;
use super::limits::{BUSY_WINDOW_SIZE, MAX_COMMAND_BYTES, MAX_INSPECTED_PORTS};
use super::registry::{Control, Registry};
use super::server::ServerState;
use super::setup::{SessionSetup, TerminalRequest, TerminalSize};
use super::statistics::Counted;
use super::window::Window;
use super::x11::{Cookie, Display};
use super::{
    Program, SessionType, block, forward, jetbrains, session, session_type, sftp, signal, x11,
};
use crate::platform::text::os_string;

/// Translates what the SSH library calls into entries of the [`Registry`] and tasks.
pub(super) struct Handler {
    server: Arc<ServerState>,
    registry: Registry,
    budget: InputBudget,
    window: Window,
    forwards: Forwards,
    counted: Arc<Counted>,
    /// Ports at which an IDE was looked for.
    inspected_ports: BTreeSet<u32>,
    logged_in: CancellationToken,
}

/// Why the library ended a connection.
#[derive(Debug)]
pub(super) struct HandlerError(pub(super) russh::Error);

impl From<russh::Error> for HandlerError {
    fn from(error: russh::Error) -> Self {
        Self(error)
    }
}

impl Handler {
    pub(super) fn new(
        server: Arc<ServerState>,
        registry: Registry,
        budget: InputBudget,
        counted: Arc<Counted>,
        logged_in: CancellationToken,
    ) -> Self {
        Self {
            forwards: Forwards::new(server.tasks.clone()),
            server,
            registry,
            budget,
            window: Window::new(),
            counted,
            inspected_ports: BTreeSet::new(),
            logged_in,
        }
    }

    fn opener(&self, session: &Session) -> Opener {
        Opener::new(session.handle(), self.registry.clone())
    }

    /// Runs a program in a session that is set up.
    fn start(
        &self,
        channel: ChannelId,
        program: Program,
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        let Some((served, mut setup)) = self.registry.start(channel) else {
            return Ok(session.channel_failure(channel)?);
        };
        session.channel_success(channel)?;
        self.counted.settle();
        setup.agent = self.forwards.agent().map(Into::into);
        let server = Arc::clone(&self.server);
        self.server
            .tasks
            .spawn(session::run(server, served, setup, program));
        Ok(())
    }

    /// Ends a session that would move files, if that is not allowed.
    fn refuse_file_transfer(
        &self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        let Some((served, _)) = self.registry.start(channel) else {
            return Ok(session.channel_failure(channel)?);
        };
        session.channel_success(channel)?;
        let refusal = session::refuse(served, FILE_TRANSFER_MESSAGE, FILE_TRANSFER_EXIT);
        self.server.tasks.spawn(refusal);
        Ok(())
    }

    /// Connects a channel with a socket of the workspace.
    async fn connect(
        &self,
        target: Option<Target>,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        handle: Handle,
    ) {
        let Some(target) = target else {
            return reply.reject(ChannelOpenFailure::ConnectFailed).await;
        };
        if self.server.blocked.local_port_forwarding {
            return reply
                .reject(ChannelOpenFailure::AdministrativelyProhibited)
                .await;
        }
        let (_, writer) = channel.split();
        match self.registry.open(writer, handle) {
            Some(served) => drop(self.server.tasks.spawn(forward::run(target, served, reply))),
            None => reply.reject(ChannelOpenFailure::ResourceShortage).await,
        }
    }

    /// Looks whether an IDE is at a port, if nothing is known of the client. Looking costs a little,
    /// so it is done once for each of the first ports.
    fn recognize(&mut self, host: &str, port: u32) {
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "::1");
        if !is_here
            || !self.counted.is_unknown()
            || self.inspected_ports.len() >= MAX_INSPECTED_PORTS
            || !self.inspected_ports.insert(port)
        {
            return;
        }
        let counted = Arc::clone(&self.counted);
        self.server.tasks.spawn_blocking(move || {
            if jetbrains::listens_on(port) {
                counted.seems(SessionType::JetBrains);
            }
        });
    }

    /// Says why something that the client asked for is not done.
    fn note(outcome: Result<(), io::Error>, what: &str) -> bool {
        if let Err(error) = &outcome {
            tracing::debug!(%error, what, "an SSH client was refused");
        }
        outcome.is_ok()
    }
}

fn reply(channel: ChannelId, accepted: bool, session: &mut Session) -> Result<(), HandlerError> {
    if accepted {
        session.channel_success(channel)?
    } else {
        session.channel_failure(channel)?
    }
    Ok(())
}

impl russh::server::Handler for Handler {
    type Error = HandlerError;

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, HandlerError> {
        Ok(Auth::Accept)
    }

    async fn auth_succeeded(&mut self, session: &mut Session) -> Result<(), HandlerError> {
        self.registry.closing().set_client(session.remote_sshid());
        self.counted.log_in();
        self.logged_in.cancel();
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        let (_, writer) = channel.split();
        if self.registry.open_session(writer, session.handle()) {
            reply.accept().await;
        } else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
        }
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host_to_connect: &str,
        port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        self.recognize(host_to_connect, port_to_connect);
        let target = Target::tcp(host_to_connect, port_to_connect);
        self.connect(target, channel, reply, session.handle()).await;
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        channel: Channel<Msg>,
        socket_path: &str,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        let target = Target::unix(&self.server.user.home, socket_path);
        self.connect(target, channel, reply, session.handle()).await;
        Ok(())
    }

    async fn channel_open_confirmation(
        &mut self,
        channel: ChannelId,
        _max_packet_size: u32,
        _window_size: u32,
        _session: &mut Session,
    ) -> Result<(), HandlerError> {
        self.registry.confirm(channel);
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), HandlerError> {
        self.registry.close(channel);
        self.window.forget(channel.into());
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), HandlerError> {
        self.registry.end_input(channel);
        Ok(())
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _session: &mut Session,
    ) -> Result<(), HandlerError> {
        self.server.connections.traffic.received(data.len());
        self.window
            .received(channel.into(), data.len(), Instant::now());
        if let Some(input) = self.registry.input(channel) {
            input.send(Bytes::copy_from_slice(data), &self.budget);
        }
        Ok(())
    }

    fn adjust_window(&mut self, channel: ChannelId, current: u32) -> u32 {
        self.window.granted(channel.into(), current, Instant::now());
        if self.budget.is_busy() {
            return BUSY_WINDOW_SIZE;
        }
        self.window.size()
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        variable_name: &str,
        variable_value: &str,
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        let accepted = self.registry.with_setup(channel, |setup| {
            setup.set_variable(variable_name, variable_value)
        });
        if variable_name == session_type::VARIABLE
            && let Some(session_type) = SessionType::parse(variable_value)
        {
            self.counted.says(session_type);
        }
        reply(channel, accepted == Some(true), session)
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        col_width: u32,
        row_height: u32,
        pix_width: u32,
        pix_height: u32,
        modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        let size = TerminalSize::new(col_width, row_height, pix_width, pix_height);
        let accepted = self.registry.with_setup(channel, |setup| {
            setup.terminal = Some(TerminalRequest::new(term, size, modes));
        });
        reply(channel, accepted.is_some(), session)
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        col_width: u32,
        row_height: u32,
        pix_width: u32,
        pix_height: u32,
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        let size = TerminalSize::new(col_width, row_height, pix_width, pix_height);
        let pending = self.registry.with_setup(channel, |setup| {
            if let Some(terminal) = &mut setup.terminal {
                terminal.size = size;
            }
        });
        if pending.is_none() {
            self.registry.control(channel, Control::Resize(size));
        }
        reply(channel, true, session)
    }

    async fn signal(
        &mut self,
        channel: ChannelId,
        signal: Sig,
        _session: &mut Session,
    ) -> Result<(), HandlerError> {
        if let Some(signal) = signal::from_ssh(&signal) {
            self.registry.control(channel, Control::Signal(signal));
        }
        Ok(())
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        self.start(channel, Program::LoginShell, session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        if data.len() > MAX_COMMAND_BYTES || data.contains(&0) {
            return Ok(session.channel_failure(channel)?);
        }
        if self.server.blocked.file_transfer && block::is_file_transfer(data) {
            return self.refuse_file_transfer(channel, session);
        }
        // OpenSSH's server takes an empty command as none.
        let program = match data {
            [] => Program::LoginShell,
            text => Program::Command(os_string(text.to_vec())),
        };
        self.start(channel, program, session)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        if name != "sftp" {
            return Ok(session.channel_failure(channel)?);
        }
        if self.server.blocked.file_transfer {
            return self.refuse_file_transfer(channel, session);
        }
        let Some((served, _setup)) = self.registry.start(channel) else {
            return Ok(session.channel_failure(channel)?);
        };
        session.channel_success(channel)?;
        self.counted.settle();
        let home = self.server.user.home.clone();
        self.server.tasks.spawn(sftp::run(home, served));
        Ok(())
    }

    async fn agent_request(
        &mut self,
        _channel: ChannelId,
        session: &mut Session,
    ) -> Result<bool, HandlerError> {
        let folders = self.server.temporary_folders();
        let opener = self.opener(session);
        let outcome = self.forwards.listen_agent(&folders, opener);
        Ok(Self::note(outcome, "agent"))
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        single_connection: bool,
        x11_auth_protocol: &str,
        x11_auth_cookie: &str,
        x11_screen_number: u32,
        session: &mut Session,
    ) -> Result<(), HandlerError> {
        let is_first = self
            .registry
            .with_setup(channel, |setup| setup.display.is_none());
        let request = Cookie::parse(x11_auth_protocol, x11_auth_cookie)
            .filter(|_| is_first == Some(true))
            .map(|cookie| x11::Request {
                cookie,
                screen: x11_screen_number,
                single_connection,
            });
        let Some(request) = request else {
            return reply(channel, false, session);
        };
        let opener = self.opener(session);
        let outcome = Display::listen(request, &self.forwards, opener).map(|display| {
            let keep = |setup: &mut SessionSetup| setup.display = Some(display);
            self.registry.with_setup(channel, keep);
        });
        reply(channel, Self::note(outcome, "display"), session)
    }

    async fn tcpip_forward(
        &mut self,
        address: &str,
        port: &mut u32,
        session: &mut Session,
    ) -> Result<bool, HandlerError> {
        if self.server.blocked.reverse_port_forwarding {
            return Ok(false);
        }
        let opener = self.opener(session);
        let outcome = self.forwards.listen_tcp(address, *port, opener);
        Ok(Self::note(
            outcome.map(|bound| *port = u32::from(bound)),
            "port",
        ))
    }

    async fn cancel_tcpip_forward(
        &mut self,
        address: &str,
        port: u32,
        _session: &mut Session,
    ) -> Result<bool, HandlerError> {
        Ok(self.forwards.cancel_tcp(address, port))
    }

    async fn streamlocal_forward(
        &mut self,
        socket_path: &str,
        session: &mut Session,
    ) -> Result<bool, HandlerError> {
        if self.server.blocked.reverse_port_forwarding {
            return Ok(false);
        }
        let opener = self.opener(session);
        let home = &self.server.user.home;
        let outcome = self.forwards.listen_unix(socket_path, home, opener);
        Ok(Self::note(outcome, "socket"))
    }

    async fn cancel_streamlocal_forward(
        &mut self,
        socket_path: &str,
        _session: &mut Session,
    ) -> Result<bool, HandlerError> {
        Ok(self.forwards.cancel_unix(socket_path))
    }
}

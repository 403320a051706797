//! What stands between clients and servers out there: a reverse proxy that ends TLS, and a forward proxy.

#![expect(clippy::expect_used, reason = "this is how a test fails")]

use crate::{Files, free_port, wait_for};
use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

const START: Duration = Duration::from_secs(20);

/// A program that listens. Dropping it ends it.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    log: PathBuf,
    port: u16,
}

/// What nginx does in front of a server.
#[derive(Clone, Debug, Default)]
pub struct NginxOptions {
    /// The certificate it shows; without one it speaks HTTP.
    pub tls: Option<Files>,
    /// The authority of client certificates that it insists on.
    pub client_authority: Option<PathBuf>,
    /// Directives of its only location.
    pub location: String,
}

impl NginxOptions {
    /// The directives that pass everything to a server, WebSockets too, with a read timeout of 60 s.
    #[must_use]
    pub fn pass_to(server: &str) -> String {
        format!(
            "proxy_pass {server}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
             proxy_set_header Connection \"upgrade\"; proxy_set_header Host $http_host; proxy_read_timeout 60s; \
             proxy_send_timeout 60s; proxy_buffering off; client_max_body_size 100m;"
        )
    }
}

impl Gateway {
    /// Starts nginx on 127.0.0.1, with everything that it writes below `folder`.
    #[must_use]
    pub fn nginx(folder: &Path, options: &NginxOptions) -> Self {
        let port = free_port();
        let folder = folder.join(format!("nginx-{port}"));
        fs::create_dir_all(&folder).expect("a folder");
        let (ssl, mut server) = match &options.tls {
            Some(files) => (
                " ssl",
                format!(
                    "ssl_certificate {}; ssl_certificate_key {};",
                    files.certificate.display(),
                    files.key.display()
                ),
            ),
            None => ("", String::new()),
        };
        if let Some(authority) = &options.client_authority {
            let authority = authority.display();
            server.push_str(&format!(
                " ssl_verify_client on; ssl_client_certificate {authority};"
            ));
        }
        let (here, location) = (folder.display(), &options.location);
        let user = if rustix::process::geteuid().is_root() {
            "user root;"
        } else {
            ""
        };
        let text = format!(
            "{user} daemon off; worker_processes 1; pid {here}/pid; error_log {here}/log warn;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {here}/b; proxy_temp_path {here}/p; fastcgi_temp_path {here}/f;
  uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
  server {{ listen 127.0.0.1:{port}{ssl}; server_name _; {server} location / {{ {location} }} }}
}}
"
        );
        let config = folder.join("nginx.conf");
        fs::write(&config, text).expect("written");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(&config);
        Self::start(command, folder.join("log"), port)
    }

    /// Starts tinyproxy on 127.0.0.1, which wants a login when there is one, and tunnels to these ports alone
    /// when there are any.
    #[must_use]
    pub fn tinyproxy(folder: &Path, login: Option<(&str, &str)>, ports: &[u16]) -> Self {
        let port = free_port();
        let log = folder.join(format!("tinyproxy-{port}.log"));
        let mut text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 64\nAllow 127.0.0.1\nLogLevel Warning\n\
             LogFile \"{}\"\n",
            log.display()
        );
        if let Some((user, password)) = login {
            text.push_str(&format!("BasicAuth {user} {password}\n"));
        }
        for port in ports {
            text.push_str(&format!("ConnectPort {port}\n"));
        }
        let config = folder.join(format!("tinyproxy-{port}.conf"));
        fs::write(&config, text).expect("written");
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(&config);
        Self::start(command, log, port)
    }

    /// `127.0.0.1:<port>`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn start(mut command: Command, log: PathBuf, port: u16) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().expect("the gateway starts");
        let mut gateway = Self { child, log, port };
        wait_for("the gateway to listen", START, || {
            if let Ok(Some(status)) = gateway.child.try_wait() {
                let log = fs::read_to_string(&gateway.log).unwrap_or_default();
                assert!(status.success(), "the gateway ended: {log}");
            }
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        gateway
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // nginx ends its worker then.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

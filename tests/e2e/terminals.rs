//! Web terminals of a real workspace, through servers that are killed and stopped.

use coder_tests::{Deployment, poll, wait_for};
use std::{
    net::TcpStream,
    time::{Duration, Instant},
};
use tokio_tungstenite::tungstenite::{
    self, Message, WebSocket, client::IntoClientRequest as _, http::HeaderValue,
};

const AGENT: Duration = Duration::from_secs(60);
/// Terminals that are open when the server goes.
const TERMINALS: u128 = 30;

struct Terminal {
    socket: WebSocket<TcpStream>,
    shown: String,
}

impl Terminal {
    /// Opens the terminal of this number; `None` while the agent or the server is away.
    fn open(deployment: &Deployment, agent: &str, number: u128) -> Option<Self> {
        let address = deployment.url().replace("http://", "");
        let url = format!(
            "ws://{address}/api/v2/workspaceagents/{agent}/pty\
             ?reconnect=00000000-0000-4000-8000-{number:012x}&height=24&width=80&command=sh"
        );
        let mut request = url.into_client_request().expect("a request");
        let token = HeaderValue::from_str(&deployment.token()).expect("a token");
        request.headers_mut().insert("Coder-Session-Token", token);
        let stream = TcpStream::connect(address).ok()?;
        let limit = Some(Duration::from_secs(30));
        stream.set_read_timeout(limit).expect("a time-out");
        let (socket, _) = tungstenite::client(request, stream).ok()?;
        Some(Self {
            socket,
            shown: String::new(),
        })
    }

    fn types(&mut self, text: &str) {
        let request = serde_json::json!({ "data": text }).to_string();
        self.socket.send(Message::text(request)).expect("sent");
    }

    #[expect(clippy::panic, reason = "this is how a test fails")]
    fn until(&mut self, text: &str) {
        while !self.shown.contains(text) {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("{other:?} without {text:?} but with {:?}", self.shown),
            }
        }
    }
}

pub(crate) fn agent_of(deployment: &Deployment) -> String {
    let (_, value) = deployment.api("GET", "/api/v2/users/me/workspace/dev", None);
    let resources = value["latest_build"]["resources"]
        .as_array()
        .expect("resources");
    let agents = resources
        .iter()
        .find_map(|resource| resource["agents"].get(0).cloned());
    agents.expect("an agent")["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

#[test]
fn terminals_go_on_when_the_server_is_killed_and_when_it_is_stopped() {
    let Some(mut deployment) = super::deployment() else {
        return;
    };
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", AGENT);
    let agent = agent_of(&deployment);
    for number in 0..TERMINALS {
        let mut terminal = Terminal::open(&deployment, &agent, number).expect("a terminal");
        terminal.types(&format!(
            "stty -echo; PS1=; NUMBER={number}; echo be''fore $NUMBER\r"
        ));
        terminal.until(&format!("before {number}\r\n"));
    }
    for how in ["killed", "stopped"] {
        let mut watching = Terminal::open(&deployment, &agent, 0).expect("a terminal");
        watching.until("before 0");
        if how == "killed" {
            deployment.kill_server();
        } else {
            assert!(
                deployment.stop_server(Duration::from_secs(30)),
                "it ends well"
            );
        }
        deployment.start_server();
        let begin = Instant::now();
        for number in 0..TERMINALS {
            let opened = poll(AGENT, || Terminal::open(&deployment, &agent, number));
            let mut terminal = opened.expect("the terminal is there again");
            terminal.until(&format!("before {number}\r\n"));
            terminal.types("echo aft''er $NUMBER\r");
            terminal.until(&format!("after {number}\r\n"));
        }
        eprintln!(
            "{TERMINALS} of {TERMINALS} terminals went on after the server was {how}, the last {:?} after it was up",
            begin.elapsed()
        );
    }

    // What listens in the workspace is found by name and number.
    let mut terminal = Terminal::open(&deployment, &agent, 0).expect("a terminal");
    terminal.types("coder-no-such-command; exec sleep 1000\r");
    let path = format!("/api/v2/workspaceagents/{agent}/listening-ports");
    let (status, answer) = deployment.api("GET", &path, None);
    assert_eq!(status, 200, "{answer}");
    assert!(answer["ports"].is_array(), "{answer}");

    // A stopped workspace has no terminals.
    deployment.must(&["stop", "dev", "--yes"]);
    wait_for("the terminal to end", Duration::from_secs(20), || {
        terminal.socket.read().is_err().then_some(())
    });
    assert!(Terminal::open(&deployment, &agent, 0).is_none());
}

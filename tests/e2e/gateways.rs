//! What stands between clients and servers out there: a real forward proxy, and a real nginx that ends TLS.

use coder_tests::{Authority, Deployment, Gateway, NginxOptions, Outcome, free_port, wait_for};
use serde_json::Value;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const MINUTE: Duration = Duration::from_secs(60);
/// Longer than nginx keeps a silent connection.
const SILENCE: &str = "65s";

struct Scene {
    authority: Authority,
    deployment: Deployment,
}

/// A server and an authority, or `None` with the printed reason.
fn scene() -> Option<Scene> {
    super::require("nginx")?;
    super::require("tinyproxy")?;
    let deployment = super::deployment()?;
    let authority = Authority::new(
        &deployment.folder().join("authority"),
        "Corp Test Authority",
    );
    Some(Scene {
        authority,
        deployment,
    })
}

impl Scene {
    fn folder(&self) -> &Path {
        self.deployment.folder()
    }

    /// nginx in front of the server.
    fn nginx(&self, change: impl FnOnce(&mut NginxOptions)) -> Gateway {
        let mut options = NginxOptions {
            tls: Some(self.authority.sign("server", &["localhost", "127.0.0.1"])),
            client_authority: None,
            location: NginxOptions::pass_to(&self.deployment.url()),
        };
        change(&mut options);
        Gateway::nginx(self.folder(), &options)
    }

    /// The command line for a server at this address, trusting the authority.
    fn coder(&self, url: &str) -> Command {
        let mut command = self.deployment.command();
        command
            .env("CODER_URL", url)
            .env("CODER_CLIENT_TLS_CA_FILE", self.authority.certificate())
            .stdin(Stdio::null());
        command
    }
}

#[test]
fn everything_works_through_a_forward_proxy_and_a_tls_gateway_with_client_certificates() {
    let Some(scene) = scene() else {
        return;
    };
    scene.deployment.push_local_template();
    scene
        .deployment
        .must(&["create", "dev", "--template", "local", "--yes"]);
    scene.deployment.wait_for_agent("dev", "connected", MINUTE);

    let client = scene.authority.sign("ann", &[]);
    let nginx =
        scene.nginx(|options| options.client_authority = Some(scene.authority.certificate()));
    let proxy = Gateway::tinyproxy(scene.folder(), Some(("ann", "secret")), &[]);
    let proxy_url = format!("http://ann:secret@{}", proxy.address());
    let url = format!("https://{}", nginx.address());
    let coder = |arguments: &[&str]| {
        let mut command = scene.coder(&url);
        command
            .env("HTTPS_PROXY", &proxy_url)
            .env("CODER_CLIENT_TLS_CERT_FILE", &client.certificate)
            .env("CODER_CLIENT_TLS_KEY_FILE", &client.key)
            .env("CODER_HEADER", "X-Team=a")
            .env("CODER_HEADER_COMMAND", "echo X-Gate=open")
            .args(arguments);
        command
    };
    let run = |arguments: &[&str]| Outcome::of(coder(arguments).output());
    let must = |arguments: &[&str]| run(arguments).expect_success(&arguments.join(" "));

    assert!(must(&["list"]).contains("admin/dev"));
    assert_eq!(must(&["ssh", "dev", "echo through"]), "through\n");
    let ping = must(&["ping", "--num", "2", "--wait", "0", "dev"]);
    assert!(ping.contains("2 sent, 2 answered"), "{ping}");
    let found: Value = serde_json::from_str(&must(&["netcheck", "-o", "json"])).expect("JSON");
    assert_eq!(found["healthy"], true, "{found}");
    let hops: Vec<&str> = found["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter_map(|check| check["hop"].as_str())
        .collect();
    let expected = [
        "proxy name",
        "proxy tcp",
        "proxy",
        "tls",
        "http",
        "login",
        "websocket",
    ];
    assert_eq!(hops, expected);
    let tls = &found["checks"][3]["detail"];
    assert!(
        tls.as_str()
            .is_some_and(|text| text.contains("Corp Test Authority")),
        "{tls}"
    );

    // The way is really taken: without the certificate or the login there is none.
    let without = |name: &str| {
        let mut command = coder(&["list"]);
        Outcome::of(command.env_remove(name).output())
    };
    let refused = Outcome::of(
        coder(&["list"])
            .env_remove("CODER_CLIENT_TLS_CERT_FILE")
            .env_remove("CODER_CLIENT_TLS_KEY_FILE")
            .output(),
    );
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    let untrusted = without("CODER_CLIENT_TLS_CA_FILE");
    assert!(
        untrusted.code == 1 && untrusted.stderr.contains("UnknownIssuer"),
        "{}",
        untrusted.stderr
    );
    let direct = without("HTTPS_PROXY");
    assert_eq!(
        direct.code, 0,
        "NO_PROXY or none goes straight: {}",
        direct.stderr
    );
    let nobody = Outcome::of(
        coder(&["list"])
            .env("HTTPS_PROXY", format!("http://{}", proxy.address()))
            .output(),
    );
    assert_eq!(nobody.code, 1, "the proxy wants a login: {}", nobody.stdout);
    let past = Outcome::of(
        coder(&["list"])
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .env("NO_PROXY", "example.com,127.0.0.1")
            .output(),
    );
    assert_eq!(past.code, 0, "{}", past.stderr);

    silence_is_survived(&coder, &run);
}

/// A session that says nothing for longer than nginx waits goes on, while a bare connection is cut.
fn silence_is_survived(
    coder: &(dyn Fn(&[&str]) -> Command + Sync),
    run: &(dyn Fn(&[&str]) -> Outcome + Sync),
) {
    thread::scope(|scope| {
        let session = scope.spawn(|| {
            let script = format!("sleep {}; echo alive", SILENCE.trim_end_matches('s'));
            Outcome::of(coder(&["ssh", "dev", &script]).output())
        });
        let begin = Instant::now();
        let found = run(&["netcheck", "--idle", SILENCE, "-o", "json"]);
        assert!(begin.elapsed() > Duration::from_secs(50));
        let found: Value = serde_json::from_str(&found.stdout).expect("JSON");
        let idle = found["checks"]
            .as_array()
            .expect("checks")
            .last()
            .expect("one");
        assert_eq!(
            (&idle["hop"], &idle["severity"]),
            (&"idle".into(), &"warning".into()),
            "{idle}"
        );
        let detail = idle["detail"].as_str().expect("a text");
        assert!(detail.contains("cut off within 6"), "{detail}");
        let session = session.join().expect("a session");
        assert_eq!(session.expect_success("a silent session"), "alive\n");
    });
}

#[test]
fn an_agent_goes_through_a_forward_proxy_to_a_tls_gateway() {
    let Some(scene) = scene() else {
        return;
    };
    let deployment = &scene.deployment;
    deployment.push_local_template();
    deployment.must(&["create", "dev", "--template", "local", "--yes"]);
    deployment.wait_for_agent("dev", "connected", MINUTE);
    let token = deployment.must(&["ssh", "dev", "printf %s $CODER_AGENT_TOKEN"]);
    // The template's own agent makes room.
    deployment.coder(&[
        "ssh",
        "dev",
        "kill -KILL $PPID; kill -KILL $(cat ~/.coder-local/admin/dev/.agent.pid)",
    ]);
    for (pid, command) in deployment.processes() {
        if command.contains(" agent") {
            drop(
                Command::new("kill")
                    .args(["-KILL", &pid.to_string()])
                    .status(),
            );
        }
    }
    // nginx lets in who has the header, as a gateway with tokens would.
    let nginx = scene.nginx(|options| {
        options.location = format!(
            "if ($http_x_gate != \"open\") {{ return 403; }} {}",
            options.location
        );
    });
    let proxy = Gateway::tinyproxy(scene.folder(), None, &[]);
    let agent = |header: bool| {
        let mut command = deployment.command();
        command
            .env("CODER_AGENT_URL", format!("https://{}", nginx.address()))
            .env("CODER_AGENT_TOKEN", &token)
            .env("SSL_CERT_FILE", scene.authority.certificate())
            .env("HTTPS_PROXY", format!("http://{}", proxy.address()))
            .args(["agent", "--agent-header", "X-Team=a"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(scene.folder().join("agent.log")).expect("a log"));
        if header {
            command.args(["--agent-header-command", "echo X-Gate=open"]);
        }
        Running(command.spawn().expect("the agent starts"))
    };
    let log = || fs::read_to_string(scene.folder().join("agent.log")).unwrap_or_default();
    {
        let _refused = agent(false);
        wait_for("a refusal", MINUTE, || log().contains("403").then_some(()));
    }
    let _agent = agent(true);
    deployment.wait_for_agent("dev", "connected", MINUTE);
    assert_eq!(deployment.must(&["ssh", "dev", "echo back"]), "back\n");
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// URL, environment, the hop that fails and a part of what is said.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

#[test]
fn netcheck_names_the_hop_that_fails() {
    let Some(scene) = scene() else {
        return;
    };
    let good = scene.nginx(|_| {});
    let good_url = format!("https://{}", good.address());
    let expired = scene.nginx(|options| {
        options.tls = Some(scene.authority.sign_expired("old", &["127.0.0.1"]));
    });
    let other_name = scene.nginx(|options| {
        options.tls = Some(scene.authority.sign("other", &["other.example"]));
    });
    let wants_certificate =
        scene.nginx(|options| options.client_authority = Some(scene.authority.certificate()));
    let no_upgrade = scene.nginx(|options| {
        options.location = format!("proxy_pass {};", scene.deployment.url());
    });
    let login_page = scene.nginx(|options| {
        options.location = "return 302 https://login.example/;".to_owned();
    });
    let broken = scene.nginx(|options| {
        options.location = "proxy_pass http://127.0.0.1:1;".to_owned();
    });
    let plain = scene.nginx(|options| options.tls = None);
    let with_login = Gateway::tinyproxy(scene.folder(), Some(("ann", "secret")), &[]);
    let narrow = Gateway::tinyproxy(scene.folder(), None, &[443]);
    let open = Gateway::tinyproxy(scene.folder(), None, &[]);
    let https = |gateway: &Gateway| format!("https://{}", gateway.address());
    let http = |gateway: &Gateway| format!("http://{}", gateway.address());
    let closed = format!("http://127.0.0.1:{}", free_port());
    let no_variables: &[(&str, &str)] = &[];

    let cases: &[Case<'_>] = &[
        (
            "http://nothing.invalid",
            no_variables,
            "name",
            "has no address",
        ),
        (&closed, no_variables, "tcp", "refused"),
        (
            &good_url,
            &[("HTTPS_PROXY", &closed)],
            "proxy tcp",
            "refused",
        ),
        (
            &good_url,
            &[("HTTPS_PROXY", "http://nothing.invalid:3128")],
            "proxy name",
            "has no address",
        ),
        (
            &good_url,
            &[("HTTPS_PROXY", &http(&with_login))],
            "proxy",
            "407",
        ),
        (
            &good_url,
            &[("HTTPS_PROXY", &http(&narrow))],
            "proxy",
            "403",
        ),
        (
            "https://127.0.0.1:1",
            &[("HTTPS_PROXY", &http(&open))],
            "proxy",
            "50",
        ),
        (
            &good_url,
            &[("CODER_CLIENT_TLS_CA_FILE", "")],
            "tls",
            "Corp Test Authority",
        ),
        (
            &https(&expired),
            no_variables,
            "tls",
            "expired on 2021-02-03",
        ),
        (&https(&other_name), no_variables, "tls", "other.example"),
        (&https(&plain), no_variables, "tls", "does not speak TLS"),
        (&https(&wants_certificate), no_variables, "http", "400"),
        (&https(&login_page), no_variables, "http", "302"),
        (&https(&broken), no_variables, "http", "502"),
        (
            &good_url,
            &[("CODER_SESSION_TOKEN", "wrong-token")],
            "login",
            "not valid",
        ),
        (&https(&no_upgrade), no_variables, "websocket", "400"),
    ];
    for (url, variables, hop, detail) in cases {
        let mut command = scene.coder(url);
        command
            .env("CODER_SESSION_TOKEN", scene.deployment.token())
            .args(["netcheck", "-o", "json"]);
        for (name, value) in *variables {
            match *value {
                "" => command.env_remove(name),
                value => command.env(name, value),
            };
        }
        let outcome = Outcome::of(command.output());
        let found: Value = serde_json::from_str(&outcome.stdout)
            .unwrap_or_else(|_| panic!("{url}: {}\n{}", outcome.stdout, outcome.stderr));
        assert_eq!(outcome.code, 1, "{url}: {found}");
        assert_eq!(found["failed_hop"], *hop, "{url}: {found}");
        let last = found["checks"]
            .as_array()
            .expect("checks")
            .last()
            .expect("one");
        let said = last["detail"].as_str().expect("a text");
        assert!(
            said.contains(detail),
            "{url}: {said:?} does not say {detail:?}"
        );
        assert!(last["hint"].is_string(), "{url}: what to do next: {last}");
    }
    // For people it is a table, and the last line names the hop.
    let mut command = scene.coder(&https(&no_upgrade));
    let shown = Outcome::of(
        command
            .env("CODER_SESSION_TOKEN", scene.deployment.token())
            .arg("netcheck")
            .output(),
    );
    assert!(
        shown.stderr.contains("the hop that fails is \"websocket\""),
        "{}",
        shown.stderr
    );
    assert!(
        shown.stdout.contains("proxy_set_header Upgrade"),
        "{}",
        shown.stdout
    );
}

#[test]
fn web_sockets_need_https_behind_a_forward_proxy_and_netcheck_says_so() {
    let Some(scene) = scene() else {
        return;
    };
    let proxy = Gateway::tinyproxy(scene.folder(), None, &[]);
    let mut command = scene.coder(&scene.deployment.url());
    let outcome = Outcome::of(
        command
            .env("HTTP_PROXY", format!("http://{}", proxy.address()))
            .args(["netcheck", "-o", "json"])
            .output(),
    );
    let found: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(found["failed_hop"], "websocket", "{found}");
    // The connection to the server itself works, as ordinary calls do.
    let mut stream = TcpStream::connect(proxy.address()).expect("connected");
    let request = format!(
        "GET {}/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        scene.deployment.url()
    );
    stream.write_all(request.as_bytes()).expect("written");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1."), "{answer}");
}

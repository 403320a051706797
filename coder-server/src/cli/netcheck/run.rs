//! The hops one after the other, until one fails.

use super::{
    credentials, http, name, proxy,
    report::{Finding, Report},
    route::Route,
    tls, websocket,
};
use crate::cli::{
    client::Client,
    duration::parse_interval,
    error::CliResult,
    global::GlobalArgs,
    output::{Format, error_line},
};
use coder_agent::tunnel::BoxedIo;
use hyper_util::client::proxy::matcher::Matcher;
use std::time::Duration;

/// How long one hop may take.
const HOP: Duration = Duration::from_secs(20);

/// Flags of `coder netcheck`.
#[derive(clap::Args)]
pub(crate) struct NetcheckArgs {
    /// Also leave a connection silent for so long, and see whether it stays: 65s finds most timeouts.
    #[arg(long, value_parser = parse_interval, value_name = "DURATION")]
    idle: Option<Duration>,
    /// Output format.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// Goes the way and prints what was found.
pub(crate) async fn run(global: &GlobalArgs, args: NetcheckArgs) -> CliResult {
    let client = Client::perhaps_signed_in(global)?;
    let mut report = Report::default();
    check(global, &client, &args, &mut report).await;
    report.print(client.url.as_str(), args.output)
}

/// `None` where a hop failed.
async fn check(
    global: &GlobalArgs,
    client: &Client,
    args: &NetcheckArgs,
    report: &mut Report,
) -> Option<()> {
    by_hand(global, client, report).await?;
    // From here on it is the very client that all commands use.
    report.check("http", HOP, http::call(client)).await?;
    if !client.has_token() {
        let found = Finding::warning("not signed in, so the rest is left out")
            .hint("Sign in with: coder login <url>");
        return report.check("login", HOP, async { Ok((found, ())) }).await;
    }
    report
        .check("login", HOP, credentials::check(client))
        .await?;
    let socket = report
        .check("websocket", HOP, websocket::open(client))
        .await?;
    if let Some(silence) = args.idle {
        if args.output == Format::Table {
            error_line(&format!("Leaving a connection silent for {silence:?}…"));
        }
        let limit = silence + HOP;
        report
            .check("idle", limit, websocket::idle(socket, silence))
            .await?;
    }
    Some(())
}

/// Name, connection, proxy and TLS, each on its own.
async fn by_hand(global: &GlobalArgs, client: &Client, report: &mut Report) -> Option<()> {
    let proxies = Matcher::from_env();
    let route = match Route::to(&client.url, &proxies) {
        Ok(route) => route,
        Err(finding) => return report.check("proxy", HOP, async { Err(finding) }).await,
    };
    let first = route.first();
    let via_proxy = route.proxy.is_some();
    let [name, tcp, tls] = match via_proxy {
        true => ["proxy name", "proxy tcp", "proxy tls"],
        false => ["name", "tcp", "tls"],
    };
    let addresses = report.check(name, HOP, name::resolve(first)).await?;
    let stream = report.check(tcp, HOP, name::connect(&addresses)).await?;
    let mut stream: BoxedIo = Box::new(stream);
    if first.tls {
        let handshake = tls::handshake(global, stream, first);
        stream = report.check(tls, HOP, handshake).await?;
    }
    // Plain HTTP goes through a proxy without a tunnel.
    if let Some(proxy) = route.proxy.as_ref().filter(|_| route.target.tls) {
        let connect = proxy::connect(stream, proxy, &route.target);
        stream = report.check("proxy", HOP, connect).await?;
        let handshake = tls::handshake(global, stream, &route.target);
        report.check("tls", HOP, handshake).await?;
    }
    Some(())
}
